package server

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/internal/written/writtentest"
)

// spoken is an error that an answer tells in both languages.
type spoken struct {
	English string `json:"message"`
	Korean  string `json:"message_ko"`
}

func (s spoken) Error() string { return s.English }
func (s spoken) KO() string    { return s.Korean }

// besides are the files beside the rules and the alert settings, all sound.
var besides = map[string]string{
	"exceptions.yaml": `exceptions:
  - id: a
    rule: many
    group: {credential.key: k1}
    owner: kim
    reason: {ko: 월말 정산, en: settlement}
    from: 2026-01-01
    until: 2026-07-01
`,
	"calendar.yaml": "calendars:\n  events:\n    - {from: 2026-11-11, until: 2026-11-12, ko: 할인, en: sale day}\n",
	"lists.yaml":    "lists:\n  vips: [m1, m2]\n  leavers:\n    - s117\n",
	"keys.csv":      "key,custodian,custodian_left\nk1,kim,\nk1,lee,2026-03-01\n",
	"alerts.yaml": `version: 1
zone: Asia/Seoul
channels:
  - {name: room, kind: webhook, url: "https://room.invalid/hook", min_severity: critical}
  - name: mail
    kind: mail
    host: mail.invalid
    from: a@corp.example
    to: [b@corp.example]
    standby: true
rota: rota.yaml
escalation:
  steps: [{after: 15m, role: first}, {after: 1h, channel: mail, repeat: 1h}]
`,
	"rota.yaml": `version: 1
zone: Asia/Seoul
people: {kim: {channels: [mail]}}
roles:
  first:
    weekly: [{days: [mon], from: "09:00", to: "18:00", who: kim}]
    dated: [{from: 2026-09-24T09:00, to: 2026-09-28T09:00, who: kim}]
`,
}

// TestSpoiledFilesOverHTTP: however a file that a server reads again is written
// wrongly, no answer, no status and no line of the log repeats what stands there.
func TestSpoiledFilesOverHTTP(t *testing.T) {
	w := newWorld(t, disk.OS, filepath.Join(t.TempDir(), "data"))
	in := inbox{t, t.TempDir()}
	at := func(name string) string { return filepath.Join(in.dir, name) }
	for name, text := range besides {
		in.write(name, text)
	}
	rules := writeRules(t, liveRule)
	r := w.serve(func(o *Options) {
		o.Detect = &DetectRequest{Rules: rules, Exceptions: at("exceptions.yaml"), Calendar: at("calendar.yaml"), Lists: at("lists.yaml"), Keys: at("keys.csv")}
		o.Alerts = at("alerts.yaml")
	})
	until(t, "live detection", func() bool { return r.signals(t).Status.State == "live" })
	private := func(err error, text string) {
		t.Helper()
		if problem := writtentest.Told(err, ""); problem != "" {
			t.Fatalf("%s\n%q", problem, text)
		}
	}
	for name, sound := range besides {
		refused := 0
		for i, text := range writtentest.Spoiled(sound) {
			if i%9 != 0 { // the readers' own tests try all
				continue
			}
			in.write(name, text)
			status, _, answer := r.call("POST", "/v1/rules/reload", r.address.Token, nil, strings.NewReader("{}"))
			if status == 200 {
				continue
			}
			refused++
			var body struct{ Error spoken }
			if err := json.Unmarshal([]byte(answer), &body); err != nil || status != 422 {
				t.Fatalf("%d %s", status, answer)
			}
			private(body.Error, text)
			if !strings.Contains(body.Error.English, name+":") && !strings.Contains(body.Error.English, "alerts.yaml:") {
				t.Fatalf("the answer does not name %s: %s", name, body.Error.English)
			}
			switch st := r.signals(t).Status; {
			case name == "alerts.yaml" || name == "rota.yaml":
				_, _, alerts := r.call("GET", "/v1/alerts", r.address.Token, nil, nil)
				var desk struct {
					EN string `json:"settings_error"`
					KO string `json:"settings_error_ko"`
				}
				if err := json.Unmarshal([]byte(alerts), &desk); err != nil || desk.EN == "" {
					t.Fatalf("the status does not say what is wrong: %v", err)
				}
				private(spoken{desk.EN, desk.KO}, text)
			case st.Error == "":
				t.Fatalf("the status does not say what is wrong with %q", text)
			default:
				private(spoken{st.Error, st.ErrorKO}, text)
			}
		}
		if refused < 10 {
			t.Errorf("%s: %d were refused: the test looks at too little", name, refused)
		}
		in.write(name, sound)
		if err := r.ReloadRules(); err != nil {
			t.Fatal(err)
		}
	}
	r.end()
	if logs := w.logs.String(); strings.Contains(logs, writtentest.Marker) || strings.Contains(logs, "4815162342") || !strings.Contains(logs, "alert settings were not read again") {
		t.Error("the log repeats what stands in a file, or does not say that one was refused")
	}
}

// TestSpoiledEditionsOverHTTP does the same with the files that an import installs.
func TestSpoiledEditionsOverHTTP(t *testing.T) {
	w := newWorld(t, disk.OS, filepath.Join(t.TempDir(), "data"))
	in := inbox{t, t.TempDir()}
	r := w.serve(nil)
	catalogText, err := os.ReadFile("../packs/catalogs/cloudtrail.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct{ name, sound, request string }{
		{"c.yaml", string(catalogText), `{"catalog":"FILE"}`},
		{"r.csv", "account,since\nm1,2025-03-01\nm2,\n", `{"register":[{"file":"FILE"}]}`},
		{"h.csv", "account,person,items,relation\nm1,p1,name,holder\n", `{"holdings":[{"file":"FILE","from":"2025-03-01"}]}`},
	} {
		all := writtentest.Spoiled(x.sound)
		refused, step := 0, max(1, len(all)/60)
		for i, text := range all {
			if i%step != 0 {
				continue
			}
			file := in.write(x.name, text)
			_, _, answer := r.call("POST", "/v1/imports", r.address.Token, nil, strings.NewReader(strings.Replace(x.request, "FILE", file, 1)))
			for line := range strings.SplitSeq(strings.TrimSpace(answer), "\n") {
				var event importEvent
				if err := json.Unmarshal([]byte(line), &event); err != nil {
					t.Fatalf("%v: %s", err, line)
				}
				var errs []error
				if e := event.Error; e != nil {
					refused++
					errs = append(errs, spoken{e.Message, e.Korean})
					for _, m := range e.Catalog {
						errs = append(errs, m)
					}
				}
				if rep := event.Result; rep != nil {
					for _, list := range [][]EditionReport{rep.Register, rep.Holdings} {
						for _, e := range list {
							for _, l := range e.Report.Errors {
								errs = append(errs, l)
							}
						}
					}
				}
				for _, err := range errs {
					if problem := writtentest.Told(err, ""); problem != "" {
						t.Fatalf("%s\n%q", problem, text)
					}
				}
			}
		}
		if refused < 5 {
			t.Errorf("%s: %d were refused: the test looks at too little", x.name, refused)
		}
	}
	r.end()
	if logs := w.logs.String(); strings.Contains(logs, writtentest.Marker) || strings.Contains(logs, "4815162342") {
		t.Error("the log repeats what stands in a file")
	}
}
