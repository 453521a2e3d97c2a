package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/ingest/kafka"
	"github.com/haetae/haetae/server"
)

// TestStatusOfInputs: what an input does is shown in both languages, and every code of
// an error has its words.
func TestStatusOfInputs(t *testing.T) {
	v := statusView{Server: &server.Status{Inputs: []server.InputStatus{
		{Name: "web", Kind: "syslog", Listen: "127.0.0.1:6514", Connected: true, Connections: 1, Refused: 2, Failed: 1, Last: time.Date(2025, 3, 10, 9, 0, 0, 0, time.UTC),
			InputCounts: server.InputCounts{Messages: 1200, Aside: 3, Other: 4}, Error: server.InputCertificate},
		{Name: "shop", Kind: "kafka", InputCounts: server.InputCounts{Messages: 1, Removed: 20}, Error: kafka.Authentication,
			Partitions: []server.InputPartition{{Topic: "access", Partition: 0, Lag: 12}, {Topic: "access", Partition: 1, Lag: -1}}},
		{Name: "down", Kind: "kafka"},
	}}}
	for lang, want := range map[language][]string{
		english: {"web (syslog 127.0.0.1:6514), 1 connection, 1,200 messages (the certificate files", "last message 2025-03-10 09:00 +00:00", "3 messages set aside", "4 messages of no source", "2 connections refused", "1 connection ended",
			"shop (Kafka), 1 message (the brokers refused", "20 messages removed from Kafka", "access/0: 12 messages behind", "access/1: nothing read yet", "down (Kafka), 0 messages (not connected)"},
		korean: {"web (syslog 127.0.0.1:6514), 연결 1개, 수신한 메시지 1,200건 (바뀐 인증서", "마지막 메시지 2025-03-10 09:00 +00:00", "격리한 메시지 3건", "버린 메시지 4건", "거절한 연결 2건",
			"shop (Kafka), 수신한 메시지 1건 (브로커가 인증을", "삭제된 메시지 20건", "access/0: 아직 읽지 않은 메시지 12건", "down (Kafka), 수신한 메시지 0건 (연결되지 않음)"},
	} {
		var out bytes.Buffer
		a := &app{stdout: &out, lang: lang}
		a.showStatus(&v, "127.0.0.1:7420", time.UTC)
		for _, w := range want {
			if !strings.Contains(out.String(), w) {
				t.Errorf("no %q in\n%s", w, out.String())
			}
		}
	}
	for _, code := range []string{server.InputCertificate, server.InputStore, kafka.Joining, kafka.Unreachable, kafka.Untrusted, kafka.Authentication, kafka.Authorization, kafka.NoTopic, kafka.TooLarge, kafka.NotStored, kafka.Failed} {
		if p := inputProblems[code]; p.ko == "" || p.en == "" {
			t.Errorf("%s has no words", code)
		}
	}
}
