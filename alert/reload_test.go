package alert

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/internal/written"
)

const repeating = `version: 1
channels:
  - {name: room, kind: webhook, url: "https://room.example/hook"}
  - {name: kim-phone, kind: webhook, url: "https://kim.example/", standby: true}
  - {name: lee-phone, kind: webhook, url: "https://lee.example/", standby: true}
rota: rota.yaml
escalation:
  steps:
    - {after: 15m, channel: kim-phone}
    - {after: 30m, role: first, repeat: 1h}
`

// TestRepeat: the last step is taken again until somebody acknowledges, to whoever
// is on call then, as a message of its own, and again from the beginning when the
// signal comes up again.
func TestRepeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{}
		c := settings(t, repeating)
		c.Rota = rota(t, nightRota)
		d, stop := opened(t, disk.NewMem(), c, Options{sender: o.sender})
		defer stop()
		enqueue(t, d, made("sig-a", detect.High, 3))
		want(t, o, "00:00:00 room sig-a r1 high 3")
		pass(20 * time.Minute)
		want(t, o, "00:15:00 kim-phone sig-a step 1 r1 high 3")
		if w := d.Status().Waiting[0]; w.NextTo != "first" || w.NextStep.Format("15:04") != "00:30" {
			t.Errorf("next is %s at %s", w.NextTo, w.NextStep)
		}
		pass(20 * time.Minute)
		var keys, leads []string
		o.mu.Lock()
		for _, p := range o.posts {
			keys, leads = append(keys, p.m.key), append(leads, p.m.english(false).lead+p.m.korean(false).lead)
		}
		o.mu.Unlock()
		want(t, o, "00:30:00 kim-phone sig-a step 2 r1 high 3")
		if w := d.Status().Waiting[0]; w.NextTo != "first" || w.NextStep.Format("15:04") != "01:30" {
			t.Errorf("next is %s at %s", w.NextTo, w.NextStep)
		}
		pass(2 * time.Hour) // from two o'clock on Lee is on call
		o.mu.Lock()
		for _, p := range o.posts {
			keys = append(keys, p.m.key)
			raw, err := p.m.payload(&Channel{Kind: Webhook, Language: English})
			if round := fmt.Sprintf(`"round":%d`, p.m.round); err != nil || p.m.round == 0 || !strings.Contains(string(raw), round) {
				t.Errorf("the repetition does not count itself: %s", raw)
			}
		}
		o.mu.Unlock()
		want(t, o, "01:30:00 kim-phone sig-a step 2 r1 high 3", "02:30:00 lee-phone sig-a step 2 r1 high 3")
		slices.Sort(keys)
		if len(slices.Compact(keys)) != 3 {
			t.Errorf("a repetition has the key of another message: %q", keys)
		}
		for _, part := range []string{"told again every 1 h until", "확인할 때까지 1시간마다"} {
			if !strings.Contains(leads[0], part) {
				t.Errorf("no %q in %s", part, leads[0])
			}
		}
		if err := d.Acknowledge("sig-a", "kim", "", time.Now()); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		o.take()
		pass(48 * time.Hour)
		want(t, o)
		// It rises: the escalation begins anew, and repeats anew.
		enqueue(t, d, made("sig-a", detect.Critical, 9))
		pass(time.Minute)
		o.take()
		pass(2 * time.Hour)
		if got := o.take(); len(got) != 3 || !strings.Contains(got[2], "step 2") {
			t.Errorf("%q", got)
		}
	})
}

// TestRepeatAfterRestart: what was due while nothing ran is told once.
func TestRepeatAfterRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{}
		fsys := disk.NewMem()
		c := settings(t, strings.Replace(repeating, "role: first", "channel: lee-phone", 1))
		d, stop := opened(t, fsys, c, Options{sender: o.sender})
		enqueue(t, d, made("sig-a", detect.High, 3))
		pass(time.Hour)
		stop()
		o.take()
		time.Sleep(10 * time.Hour)
		_, stop = opened(t, fsys, c, Options{sender: o.sender})
		defer stop()
		pass(time.Minute)
		want(t, o, "11:00:00 lee-phone sig-a step 2 r1 high 3")
		pass(time.Hour)
		want(t, o, "12:00:00 lee-phone sig-a step 2 r1 high 3")
	})
}

// TestReload: other settings take the place of those in force, with what was queued
// and acknowledged; broken ones change nothing and are told of.
func TestReload(t *testing.T) {
	dir := t.TempDir()
	name := file(t, dir, "alerts.yaml", twoChannels)
	var log testLog
	synctest.Test(t, func(t *testing.T) {
		o := &office{}
		o.answers(func(ch string, m message) error {
			if ch == "chief" {
				return trouble("응답 코드 503", "answered 503")
			}
			return nil
		})
		c, err := Load(name)
		if err != nil {
			t.Fatal(err)
		}
		d, stop := opened(t, disk.NewMem(), c, Options{sender: o.sender, Seed: 7, Log: log.logger()})
		defer stop()
		enqueue(t, d, made("sig-a", detect.High, 1))
		pass(time.Minute)
		o.take()

		// Broken: nothing changes, and the status says why in both languages.
		for text, mistakes := range map[string][2]string{
			twoChannels + "queue: {signals: hunter2}\n": {"alerts.yaml:6: queue.signals: expected a number", "alerts.yaml:6: queue.signals: 10 이상"},
			twoChannels + "rota: rota.yaml\n":           {"alerts.yaml:6: rota: the file is not there", "alerts.yaml:6: rota: 파일이 없습니다"},
			"channels: [hunter2":                        {"alerts.yaml:1: not readable as YAML", "alerts.yaml:1: YAML로 읽을 수 없습니다"},
		} {
			file(t, dir, "alerts.yaml", text)
			if err := d.Reload(name); err == nil {
				t.Fatalf("%q was taken", text)
			}
			s := d.Status()
			if !strings.HasPrefix(s.Settings, mistakes[0]) || !strings.HasPrefix(s.SettingsKO, mistakes[1]) || len(s.Channels) != 2 {
				t.Errorf("%q\n%q\nwant %q", s.Settings, s.SettingsKO, mistakes)
			}
			if strings.Contains(s.Settings+s.SettingsKO+log.String(), "hunter2") || !strings.Contains(log.String(), mistakes[0]) {
				t.Errorf("the log or the status quotes the file, or the log does not say why: %s", log.String())
			}
		}
		enqueue(t, d, made("sig-b", detect.Medium, 1))
		pass(time.Second)
		want(t, o, "00:01:00 room sig-b r1 medium 1")

		// The room is as it was, the chief is gone, an escalation is new.
		file(t, dir, "alerts.yaml", `version: 1
channels:
  - {name: room, kind: webhook, url: "https://room.example/hook"}
  - {name: night, kind: webhook, url: "https://night.example/", standby: true}
rota: rota.yaml
link: https://haetae.example/signals/{id}
escalation: {steps: [{after: 10m, role: first}]}
`)
		file(t, dir, "rota.yaml", "version: 1\nzone: UTC\npeople: {kim: {channels: [night]}}\nroles: {first: {weekly: [{from: \"00:00\", to: \"24:00\", who: kim}]}}\n")
		if err := d.Reload(name); err != nil {
			t.Fatal(err)
		}
		s := d.Status()
		if s.Settings != "" || s.SettingsKO != "" || len(s.Channels) != 2 || s.Channels[1].Name != "night" || s.Channels[0].LastSuccess.IsZero() {
			t.Errorf("%+v", s)
		}
		if !strings.Contains(log.String(), "no longer there are dropped") {
			t.Error("what was for the chief was dropped without a word")
		}
		pass(11 * time.Minute)
		want(t, o, "00:10:00 night sig-a step 1 r1 high 1")
		// Its rota alone changes.
		file(t, dir, "rota.yaml", "version: 1\nzone: UTC\npeople: {kim: {channels: [room]}}\nroles: {first: {weekly: [{from: \"00:00\", to: \"24:00\", who: kim}]}}\n")
		if err := d.Reload(name); err != nil {
			t.Fatal(err)
		}
		enqueue(t, d, made("sig-c", detect.High, 1))
		pass(11 * time.Minute)
		want(t, o, "00:12:01 room sig-c r1 high 1", "00:22:01 room sig-c step 1 r1 high 1")
	})
}

// TestReloadKeepsBackOff: a channel whose settings are the same is not asked anew, and
// one that was mended is asked at once.
func TestReloadKeepsBackOff(t *testing.T) {
	dir := t.TempDir()
	name := file(t, dir, "alerts.yaml", twoChannels)
	synctest.Test(t, func(t *testing.T) {
		o := &office{}
		o.answers(func(string, message) error { return trouble("응답 코드 503", "answered 503") })
		c, err := Load(name)
		if err != nil {
			t.Fatal(err)
		}
		d, stop := opened(t, disk.NewMem(), c, Options{sender: o.sender, Seed: 7})
		defer stop()
		enqueue(t, d, made("sig-a", detect.High, 1))
		pass(time.Hour)
		o.take()
		before := d.Status().Channels
		file(t, dir, "alerts.yaml", strings.Replace(twoChannels, "https://chief.example/hook", "https://chief.example/other", 1))
		if err := d.Reload(name); err != nil {
			t.Fatal(err)
		}
		after := d.Status().Channels
		if !after[0].NextTry.Equal(before[0].NextTry) || after[0].NextTry.IsZero() || after[0].LastError == "" {
			t.Errorf("the room has lost its back-off: %+v, then %+v", before[0], after[0])
		}
		if !after[1].NextTry.IsZero() {
			t.Errorf("the chief keeps the back-off of other settings: %+v", after[1])
		}
	})
}

// TestReloadUnderWay: settings change while a message is under way, and while the
// loop ends.
func TestReloadUnderWay(t *testing.T) {
	dir := t.TempDir()
	name := file(t, dir, "alerts.yaml", twoChannels)
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		o := &office{hold: map[string]chan struct{}{"room": hold, "chief": hold}}
		c, err := Load(name)
		if err != nil {
			t.Fatal(err)
		}
		d, stop := opened(t, disk.NewMem(), c, Options{sender: o.sender})
		enqueue(t, d, made("sig-a", detect.High, 1))
		synctest.Wait()
		for i := range 3 {
			file(t, dir, "alerts.yaml", strings.Replace(twoChannels, "room.example", fmt.Sprintf("room%d.example", i), 1))
			if err := d.Reload(name); err != nil {
				t.Fatal(err)
			}
			pass(time.Second)
		}
		close(hold)
		want(t, o, "00:00:00 room sig-a r1 high 1", "00:00:00 chief sig-a r1 high 1")
		pass(time.Hour)
		want(t, o)
		if s := d.Status(); s.Channels[0].Queued != 0 || len(s.Failures) != 0 {
			t.Errorf("%+v", s)
		}
		stop()
		if err := d.Reload(name); err == nil {
			t.Error("a closed desk took settings")
		}
	})
}

// TestItemNames: people read the names of the catalog, and receivers get the ids.
func TestItemNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{}
		d, stop := opened(t, disk.NewMem(), settings(t, twoChannels), Options{sender: o.sender, Item: func(id string) detect.Text {
			return map[string]detect.Text{"door_code": {KO: "공동현관 비밀번호", EN: "door code"}}[id]
		}})
		defer stop()
		enqueue(t, d, made("sig-a", detect.Medium, 4))
		synctest.Wait()
		m := o.posts[0].m
		raw, err := m.payload(&Channel{Kind: Webhook, Language: Both})
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{"공동현관 비밀번호 2명, name 4명", "door code 2, name 4", `"items":{"door_code":2,"name":4}`} {
			if !strings.Contains(string(raw), part) {
				t.Errorf("no %s in %s", part, raw)
			}
		}
	})
}

// TestChannelByPlace: what keeps a channel from being used is told by its place among the
// channels, and its name, which somebody chose, is not repeated.
func TestChannelByPlace(t *testing.T) {
	cfg := &Config{Channels: []Channel{
		{Name: "room", Kind: Webhook, URL: "https://room.example/hook"},
		{Name: "hunter2", Kind: Webhook, URL: "https://chief.example/hook", CAFile: filepath.Join(t.TempDir(), "gone.pem")},
	}}
	_, opening := Open(disk.NewMem(), "alerts", cfg, Options{})
	d, err := Open(disk.NewMem(), "alerts", &Config{Channels: cfg.Channels[:1]}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, err := range []error{opening, d.adopt(cfg)} {
		text := written.TextOf(err)
		if !strings.HasPrefix(text.EN, "channels[1].ca_file: ") || !strings.HasPrefix(text.KO, "channels[1].ca_file: ") || strings.Contains(text.EN+text.KO, "hunter2") {
			t.Errorf("%q and %q", text.EN, text.KO)
		}
	}
}
