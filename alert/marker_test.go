package alert

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/internal/disk"
)

// marker stands in every value that may name somebody.
const marker = "4815162342"

func marked(severity detect.Severity) detect.Signal {
	s := made("sig-marked", severity, 7)
	s.Group = map[string]string{"actor.id": "act-" + marker, "client.ip": "10." + marker, "x" + marker: "y"}
	s.Where = `actor.id == "` + marker + `"`
	s.Reason = detect.Text{KO: "직원 " + marker + "이 조회", EN: "staff " + marker + " read"}
	s.Calendar = []detect.Text{{KO: marker, EN: marker}}
	s.Exception = &detect.Exception{ID: marker, Owner: marker, Reason: detect.Text{KO: marker, EN: marker}, Group: map[string]string{"actor.id": marker}}
	s.First = "at " + marker // no time: whatever stands there is not passed on
	return s
}

// TestMarker sends marked values through everything and searches what came out:
// channels without the opt-in, errors, logs, status, names of files. The queue
// file is the one place that holds them, and so is its owner's alone.
func TestMarker(t *testing.T) {
	ordinary := newReceiver(t, func(w http.ResponseWriter, n int) { // each way to answer
		w.WriteHeader([]int{503, 200, 400}[n%3])
		fmt.Fprint(w, marker)
	})
	opted := newReceiver(t, nil)
	dir := t.TempDir()
	// Addresses with the marker where secrets stand.
	files := map[string]string{}
	for name, r := range map[string]*receiver{"room": ordinary, "slack": ordinary, "opted": opted} {
		files[name] = file(t, dir, name, strings.Replace(r.URL, "://", "://u:"+marker+"@", 1)+"/"+marker+"?k="+marker)
	}
	dead := file(t, dir, "dead", "http://u:"+marker+"@127.0.0.1:1/"+marker+"?k="+marker)
	settingsText := `version: 1
link: https://haetae.example/{id}
channels:
  - {name: room, kind: webhook, url_file: ` + files["room"] + `}
  - {name: slack, kind: slack, url_file: ` + files["slack"] + `}
  - {name: dead, kind: webhook, url_file: ` + dead + `}
  - {name: mail, kind: mail, host: 127.0.0.1, port: 1, tls: none, from: "a@b.example", to: ["m` + marker + `@d.example"]}
  - {name: opted, kind: webhook, personal: true, url_file: ` + files["opted"] + `}
escalation: {min_severity: medium, steps: [{after: 5m, channel: slack}, {after: 10m, channel: mail}]}
heartbeat: {url_file: ` + dead + `}
`
	queue := filepath.Join(dir, "alerts")
	var log testLog
	var out []string // all that must be clean
	say := func(v any) {
		if err, ok := v.(error); ok {
			v = err.Error()
		}
		text, _ := json.Marshal(v)
		out = append(out, string(text), fmt.Sprintf("%v %+v", v, v))
	}
	synctest.Test(t, func(t *testing.T) {
		fsys := disk.NewFaulty(disk.OS)
		d, err := Open(fsys, queue, settings(t, settingsText), Options{Log: log.logger()})
		if err != nil {
			t.Fatal(err)
		}
		stop := running(t, d)
		enqueue(t, d, marked(detect.Medium))
		d.Alive(time.Now())
		pass(30 * time.Minute)
		say(d.Status())
		enqueue(t, d, marked(detect.High))
		pass(30 * time.Minute)
		if err := d.Acknowledge("sig-marked", "Kim "+marker, "note "+marker, time.Now()); err != nil {
			t.Fatal(err)
		}
		pass(30 * time.Minute)
		say(d.Status())
		for _, ch := range []string{"room", "dead", "mail"} {
			say(fmt.Sprint(d.Try(t.Context(), ch)))
		}
		large := marked(detect.High)
		large.Where = strings.Repeat(marker, maxSignalBytes/8)
		say(d.Found(time.Time{}, large))
		bad := marked(detect.High)
		bad.ID = "id " + marker
		say(d.Found(time.Time{}, bad))
		say(d.Acknowledge("sig-marked", "Kim\n"+marker, "", time.Now()))
		say(d.Acknowledge("sig-marked", "Kim", strings.Repeat(marker, 999), time.Now()))
		fsys.FailFrom(1, os.ErrPermission)
		s := marked(detect.Critical)
		say(d.Found(time.Time{}, s))
		say(d.Status())
		fsys.FailAt(0, nil)
		pass(time.Minute)
		stop()
	})
	raw, err := os.ReadFile(filepath.Join(queue, queueName))
	if err != nil || !strings.Contains(string(raw), marker) {
		t.Fatalf("the queue file does not hold the signal: %v", err)
	}
	// A damaged file is refused without a word of it.
	for _, i := range []int{40, len(raw) / 2} {
		broken := append([]byte(nil), raw...)
		broken[i] ^= 1
		_, _, err := decodeQueue(append(broken, "x\n"...))
		say(err)
	}
	names, _ := os.ReadDir(queue)
	for _, n := range names {
		say(n.Name())
	}
	_, bodies := ordinary.all()
	if len(bodies) < 6 {
		t.Errorf("only %d messages", len(bodies))
	}
	say(bodies)
	m := message{signal: marked(detect.High), zone: time.UTC, taken: &ack{Who: marker, Note: marker, At: time.Now()}}
	mail, err := m.compose(&Channel{Kind: Mail, Language: Both, From: "a@b.example", To: []string{"c@d.example"}})
	if err != nil {
		t.Fatal(err)
	}
	_, subject, body := readMail(t, mail)
	say(subject + body)
	say(log.String())
	for _, text := range out {
		if i := strings.Index(text, marker); i >= 0 {
			t.Errorf("a personal value came out: …%s", text[max(0, i-200):min(len(text), i+40)])
		}
	}
	// And it is there where it was asked for.
	_, told := opted.all()
	for _, part := range []string{"act-" + marker, `actor.id == \"` + marker, "staff " + marker, "Kim " + marker, "note " + marker} {
		if !strings.Contains(strings.Join(told, "\n"), part) {
			t.Errorf("the channel with personal: true was not told %q", part)
		}
	}
	if !strings.Contains(log.String(), "could not be sent") || !strings.Contains(log.String(), "refused for good") || !strings.Contains(log.String(), "heartbeat") {
		t.Errorf("the log does not hold what this is about:\n%s", log.String())
	}
}
