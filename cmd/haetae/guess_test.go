package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestGuessedCatalogs does with every sample what a person does who has an unknown log:
// draft a catalog, try it, check it, import, ask.
func TestGuessedCatalogs(t *testing.T) {
	guess := "../../catalog/guess/testdata/"
	for _, c := range []struct {
		file    string
		records int64
		lines   func(t *testing.T, data []byte) []byte // where the draft says that lines must be made of it
	}{
		{file: "../../packs/sample/shop/access.ndjson.gz", records: 20000},
		{file: "../../packs/sample/shop-hard/access.ndjson.gz", records: -1},
		{file: "../../testdata/real/apache_combined.log.gz", records: -1},
		{file: "../../testdata/real/cloudtrail/aws.credential-access.secretsmanager-retrieve-secrets.json", records: 21},
		{file: "../../testdata/real/cloudtrail/aws.initial-access.console-login-without-mfa.json", records: 1},
		{file: "../../ingest/pgaudit/testdata/postgresql-15.csv", records: -1},
		{file: "../../ingest/pgaudit/testdata/postgresql-15.json", records: -1},
		{file: "../../ingest/mariadb/testdata/mariadb-10.11.log", records: -1},
		{file: guess + "korean.ndjson", records: 60}, {file: guess + "nested.ndjson", records: 60}, {file: guess + "nanos.ndjson", records: 60}, {file: guess + "plain.ndjson", records: 60},
		{file: guess + "records.ndjson", records: 30}, {file: guess + "ocsf.ndjson", records: 30}, {file: guess + "ecs.ndjson", records: 30}, {file: guess + "keycloak.ndjson", records: 30},
		{file: guess + "document.json", records: 60, lines: func(t *testing.T, data []byte) []byte {
			var doc struct{ Events []json.RawMessage }
			if err := json.Unmarshal(data, &doc); err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			for _, e := range doc.Events {
				if err := json.Compact(&b, e); err != nil {
					t.Fatal(err)
				}
				b.WriteByte('\n')
			}
			return b.Bytes()
		}},
	} {
		t.Run(filepath.Base(c.file), func(t *testing.T) {
			dir := t.TempDir()
			log := c.file
			do := func(args ...string) string {
				t.Helper()
				var out, errs bytes.Buffer
				if code := run(t.Context(), append([]string{"--lang", "en"}, args...), strings.NewReader(""), &out, &errs); code != exitOK {
					t.Fatalf("haetae %s: exit code %d\n%s%s", strings.Join(args, " "), code, out.String(), errs.String())
				}
				return out.String()
			}
			catalog := filepath.Join(dir, "my.yaml")
			text := do("source", "guess", log)
			if err := os.WriteFile(catalog, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if c.lines != nil {
				data, err := os.ReadFile(log)
				if err != nil {
					t.Fatal(err)
				}
				if !strings.Contains(text, "jq -c") {
					t.Error("the draft does not say how the document becomes lines")
				}
				log = filepath.Join(dir, "lines.json")
				if err := os.WriteFile(log, c.lines(t, data), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var checked, asked struct{ Records, Aside int64 }
			if err := json.Unmarshal([]byte(do("catalog", "check", log, "--catalog", catalog, "--json")), &checked); err != nil {
				t.Fatal(err)
			}
			data := filepath.Join(dir, "d")
			do("init", "--data", data)
			do("import", "--data", data, "--catalog", catalog, log, "--quiet")
			if err := json.Unmarshal([]byte(do("scope", "--data", data, "--where", "true", "--json")), &asked); err != nil {
				t.Fatal(err)
			}
			if checked.Aside != 0 || checked.Records == 0 || c.records >= 0 && checked.Records != c.records {
				t.Errorf("%d records, %d lines set aside; want %d, 0", checked.Records, checked.Aside, c.records)
			}
			if asked.Records == 0 || asked.Records > checked.Records || c.records >= 0 && asked.Records != c.records {
				t.Errorf("asked: %d records of %d", asked.Records, checked.Records)
			}
			type listed struct {
				Declared bool
				Records  int64
			}
			var list struct{ Sources []listed }
			if err := json.Unmarshal([]byte(do("source", "list", "--data", data, "--json")), &list); err != nil {
				t.Fatal(err)
			}
			// A catalog that ships may know another form of the same log.
			slices.SortFunc(list.Sources, func(a, b listed) int { return cmp.Compare(b.Records, a.Records) })
			if len(list.Sources) == 0 || !list.Sources[0].Declared || list.Sources[0].Records != asked.Records || len(list.Sources) > 1 && list.Sources[1].Records > 0 {
				t.Errorf("%+v, want %d records", list, asked.Records)
			}
		})
	}
}
