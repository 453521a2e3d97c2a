package ingest

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	kgzip "github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
)

// decodeAll decodes a stream of numbered requests and gives the numbers that
// became records, the counts of causes, and the error.
func decodeAll(t *testing.T, packed []byte) (numbers map[string]int, causes map[string]int, total Counts, err error) {
	t.Helper()
	cat, cerr := catalog.Parse("c.yaml", []byte("sources:\n  web:\n    fields: {time: t, uri: u, actor.id: a}\n"))
	if cerr != nil {
		t.Fatal(cerr)
	}
	src, _ := cat.Source("web")
	format, _ := FormatNamed("json")
	dec, _ := format.New(src, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	numbers, causes = map[string]int{}, map[string]int{}
	got, err := chunks(t, bytes.NewReader(packed))
	for _, c := range got {
		n := DecodeChunk(c, "f", src, cat, nil, dec, func(r *event.Record) { numbers[string(r.Actor.ID)]++ },
			func(a Aside) { causes[a.Cause.Code]++ })
		total.Lines += n.Lines
		total.Records += n.Records
		total.Aside += n.Aside
	}
	if total.Lines != total.Records+total.Aside+total.Empty {
		t.Errorf("%+v do not add up", total)
	}
	return numbers, causes, total, err
}

// written is a log that says of every line whether it is genuine.
func written(lines int) []byte {
	var b bytes.Buffer
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range lines {
		fmt.Fprintf(&b, `{"t":1740784286,"u":"/x/%x","a":"n%d"}`+"\n", rnd.Uint64(), i)
	}
	return b.Bytes()
}

func zipped(parts ...[]byte) []byte {
	var z bytes.Buffer
	for _, p := range parts {
		zw := gzip.NewWriter(&z)
		zw.Write(p)
		zw.Close()
	}
	return z.Bytes()
}

// TestDamage flips bytes all over a packed log. Nothing that the unpacker made up
// may become a record, what became none is counted and told, and what a checksum
// confirmed before is all there.
func TestDamage(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 5))
	first, second := written(5000), written(60_000)
	enc, _ := zstd.NewWriter(nil)
	noticed := 0
	for name, packed := range map[string][]byte{
		"gzip":        zipped(second),
		"gzip of two": zipped(first, second),
		"zstd":        enc.EncodeAll(second, nil),
	} {
		for range 8 {
			at := len(zipped(first)) + 100 + rnd.IntN(len(packed)-len(zipped(first))-200)
			broken := bytes.Clone(packed)
			broken[at] ^= 1 << rnd.IntN(8)
			numbers, causes, total, err := decodeAll(t, broken)
			var b *BrokenError
			if !errors.As(err, &b) {
				t.Fatalf("%s, byte %d: %v", name, at, err)
			}
			if !b.Damaged { // what it made up went on to the end of the file
				continue
			}
			noticed++
			if causes["unverified"] == 0 || !strings.Contains(b.Error(), "set aside") || !strings.Contains(b.KO(), "격리") {
				t.Errorf("%s, byte %d: %v, %v", name, at, causes, b)
			}
			if errors.Is(b, kgzip.ErrChecksum) || errors.Is(b, zstd.ErrCRCMismatch) {
				// The text made sense to its end, and only the checksum tells. Where
				// the damage is nobody can know; that must be said.
				if b.Verified < b.Doubtful && !strings.Contains(b.Error(), "any record from byte") {
					t.Errorf("%s: %v", name, b)
				}
				continue
			}
			for n := range numbers {
				var i int
				if _, err := fmt.Sscanf(n, "n%d", &i); err != nil || i >= 60_000 || fmt.Sprint("n", i) != n {
					t.Fatalf("%s, byte %d: a record that nobody wrote; %v", name, at, b)
				}
			}
			if name == "gzip of two" && (b.Verified != int64(len(first)) || total.Records < 5000) {
				t.Errorf("byte %d: %d bytes verified, %d records", at, b.Verified, total.Records)
			}
			if b.Doubtful > b.Offset || b.Verified > b.Doubtful {
				t.Errorf("%s: %+v", name, b)
			}
		}
	}
	if noticed < 10 {
		t.Errorf("damage was noticed %d times", noticed)
	}
}

// TestNothingBehindABreak: a whole member that follows a damaged one is not read,
// since nobody knows where it begins.
func TestNothingBehindABreak(t *testing.T) {
	bad := zipped(written(100))
	bad[len(bad)-6] ^= 0xff // its checksum
	numbers, causes, _, err := decodeAll(t, append(bad, zipped([]byte(`{"t":1740784286,"u":"/","a":"behind"}`+"\n"))...))
	if len(numbers) != 0 || causes["unverified"] != 100 || err == nil {
		t.Errorf("%d records, %v, %v", len(numbers), causes, err)
	}
}

// TestUnfinishedLine: the line in which a stream was cut off is no record, however
// well it reads.
func TestUnfinishedLine(t *testing.T) {
	log := []byte(`{"t":1740784286,"u":"/","a":"whole"}` + "\n" + `{"t":1740784286,"u":"/","a":"last"}`)
	z := zipped(log)
	numbers, causes, _, err := decodeAll(t, z[:len(z)-8]) // without its checksum
	var b *BrokenError
	if !errors.As(err, &b) || b.Damaged || numbers["whole"] != 1 || numbers["last"] != 0 || causes["undecoded"] != 1 {
		t.Errorf("%v, %v, %v", numbers, causes, err)
	}
	if numbers, _, _, err := decodeAll(t, z); err != nil || len(numbers) != 2 {
		t.Errorf("the whole stream: %v, %v", numbers, err)
	}
}

// TestBehindTheEnd: a stream that is whole is imported as a whole, whatever
// follows it.
func TestBehindTheEnd(t *testing.T) {
	log := written(3000)
	enc, _ := zstd.NewWriter(nil)
	for name, packed := range map[string][]byte{"gzip": zipped(log), "zstd": enc.EncodeAll(log, nil)} {
		numbers, causes, _, err := decodeAll(t, append(bytes.Clone(packed), "and then some text\n"...))
		var b *BrokenError
		if !errors.As(err, &b) || !b.Junk || len(numbers) != 3000 || len(causes) != 0 || b.Verified != int64(len(log)) {
			t.Errorf("%s: %d records, %v, %v", name, len(numbers), causes, err)
		}
	}
	if numbers, _, _, err := decodeAll(t, append(zipped(log), make([]byte, 512)...)); err != nil || len(numbers) != 3000 {
		t.Errorf("padded: %d records, %v", len(numbers), err)
	}
}

// TestBinary: what is no log is refused with its name; what is merely odd is not.
func TestBinary(t *testing.T) {
	rnd := rand.New(rand.NewPCG(9, 9))
	noise := make([]byte, 4096)
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	tar := make([]byte, 1024)
	copy(tar, "access.log")
	copy(tar[257:], "ustar")
	line := `1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1` + "\n"
	for _, test := range []struct{ name, text, want string }{
		{"program", "\x7fELF\x02\x01" + string(noise), "this is no log but a program (ELF)"},
		{"zip", "PK\x03\x04" + string(noise), "this is no log but a zip archive; unpack it first"},
		{"xz", "\xfd7zXZ\x00" + string(noise), "this is no log but packed with xz; unpack it first (xz -dc FILE | haetae import … -)"},
		{"tar", string(tar), "this is no log but a tar archive; unpack it first"},
		{"tar.gz", string(zipped(tar)), "this is no log but a tar archive; unpack it first"},
		{"utf-16", "\xff\xfea\x00b\x00", "this is no log but text in UTF-16; convert it to UTF-8 first"},
		{"noise", string(noise), "this is no log but binary data"},
		{"empty", "", ""},
		{"log", line, ""},
		{"log with TLS greetings", strings.Repeat(line+"\x16\x03\x01\x00\n", 50), ""},
		{"log with a hole", strings.Repeat("\x00", 32<<10) + strings.Repeat(line, 20), ""},
		{"log with a hole after a crash", line + strings.Repeat("\x00", 4096) + strings.Repeat(line, 3), ""},
		{"noise with a hole", string(noise[:2000]) + strings.Repeat("\x00", 4096) + string(noise[2000:]), "this is no log but binary data"},
		{"numbers", strings.Repeat("\x01\x00\x00\x00\x00\x00\x00\x00abc", 300), "this is no log but binary data"},
		{"log in EUC-KR", strings.Repeat("\xc8\xab\xb1\xe6\xb5\xbf\n", 1000), ""},
		{"a few bytes", "\x01\x02\x03", ""},
	} {
		_, err := chunks(t, strings.NewReader(test.text))
		got := ""
		if err != nil {
			got = err.Error()
			if ko, ok := err.(interface{ KO() string }); !ok || !strings.Contains(ko.KO(), "로그가 아니라") {
				t.Errorf("%s: no Korean", test.name)
			}
		}
		if got != test.want {
			t.Errorf("%s: %s", test.name, got)
		}
	}
}

// TestAsideHoldsNoToken: what a decoder refused, and whatever else could be used,
// is covered before the line is handed on.
func TestAsideHoldsNoToken(t *testing.T) {
	cat, err := catalog.Parse("c.yaml", []byte("sources:\n  web:\n    fields: {time: t, uri: u, credential.token: tok, credential.key: k, actor.id: a}\n"))
	if err != nil {
		t.Fatal(err)
	}
	src, _ := cat.Source("web")
	format, _ := FormatNamed("json")
	dec, _ := format.New(src, time.Time{})
	jwt := "eyJhbGciOiJIUzI1NiJ9." + strings.Repeat("c2VjcmV0", 1000) + ".c2ln"
	lines := []string{
		`{"t":1740784286,"u":"/","tok":"` + jwt + `"}`,
		`{"t":1740784286,"u":"/","tok":"bearer s3cr3t"}`,
		`{"t":1740784286,"u":"/","tok":"\u0042earer s3cr3t"}`,
		`{"t":1740784286,"u":"/","tok":"` + strings.Repeat("s3cr3t", 50) + `"}`, // longer than an id: a token
		`{"t":1740784286,"u":"/","tok":{"value":"s3cr3t"}}`,
		`{"t":1740784286,"u":"/","k":"Basic s3cr3t"}`,
		`{"t":1740784286,"u":"/","a":"` + jwt + `"}`,
		`{"t":"never","u":"/","tok":"\u0042earer s3cr3t"}`,   // refused for something else first
		`{"t":1740784286,"u":"/","tok":"\u0042earer s3cr3t"`, // cut off
		`{"t":"never","header":"Authorization: Bearer s3cr3t"}`,
		`{"t":"never","u":"/cb?access_token=s3cr3t&x=1","cookie":"sid=s3cr3t"}`,
		`no JSON, but "` + jwt + `" in it`,
		strings.Repeat("x", AsideText-30) + jwt,
	}
	n := 0
	c := &Chunk{Data: []byte(strings.Join(lines, "\n") + "\n"), Line: 1, Asides: []Aside{{Text: []byte("too long: Bearer s3cr3t")}}}
	DecodeChunk(c, "f", src, cat, nil, dec, func(*event.Record) { t.Error("a record") }, func(a Aside) {
		n++
		for _, secret := range []string{"s3cr3t", "c2VjcmV0"} {
			if bytes.Contains(a.Text, []byte(secret)) {
				t.Errorf("line %d (%s): %.200s", a.Origin.Line, a.Cause.Code, a.Text)
			}
		}
		if len(a.Text) > AsideText {
			t.Errorf("%d bytes kept", len(a.Text))
		}
	})
	if n != len(lines)+1 {
		t.Errorf("%d lines set aside", n)
	}
	if !bytes.Contains(c.Data, []byte("s3cr3t")) {
		t.Error("the chunk itself was changed: records point into it")
	}
}

// TestLost: what could not be kept of a record is counted.
func TestLost(t *testing.T) {
	cat, err := catalog.Parse("c.yaml", []byte("sources:\n  web: {format: combined}\n  xff: {format: combined, address: first}\n"))
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, client := range []string{"203.0.113.9", "999.1.2.3", "host.example", "203.0.113.1, 10.0.0.1", "-", "shop.example:80 203.0.113.9"} {
		text += client + ` - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1 "-" "a\x1b"` + "\n"
	}
	for source, want := range map[string]Counts{
		"web": {Lines: 6, Records: 6, LostAddresses: 3, LostTexts: 6},
		"xff": {Lines: 6, Records: 6, LostAddresses: 2, LostTexts: 6},
	} {
		src, _ := cat.Source(source)
		format, _ := FormatNamed("combined")
		dec, _ := format.New(src, time.Now())
		got := DecodeChunk(&Chunk{Data: []byte(text), Line: 1}, "f", src, cat, nil, dec, func(r *event.Record) {
			if r.Actor.ID != "" {
				t.Errorf("line %d: an actor nobody logged", r.Origin.Line)
			}
		}, func(a Aside) { t.Errorf("line %d: %s", a.Origin.Line, a.Cause.EN) })
		if got != want {
			t.Errorf("%s: %+v, want %+v", source, got, want)
		}
	}
}

// TestCheckDeclared: a log of another kind than the catalog says is refused before
// its lines are, with what to write.
func TestCheckDeclared(t *testing.T) {
	src := &catalog.Source{Name: "web"}
	const access = `1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1` + "\n"
	const json = `{"time":1}` + "\n"
	const event = `{"eventVersion":"1.09","eventTime":"2025-03-10T00:00:00Z"}`
	for _, test := range []struct{ declared, text, want string }{
		{"combined", strings.Repeat(json, 600), "the log is json (20 of 20 lines), but the catalog declares web as combined; write there sources: {web: {format: json, fields: {time: …, uri: …}}}"},
		{"json", strings.Repeat(access, 3), "the log is common (3 of 3 lines), but the catalog declares web as json; write there sources: {web: {format: common}}"},
		{"combined", access, ""},
		{"common", access, ""},
		{"json", json, ""},
		{"combined", json + access, ""},
		{"combined", "hello\n", ""},
		{"combined", "", ""},
		{"json", "{\n \"Records\": [\n  " + strings.ReplaceAll(event, ",", ",\n") + "\n]}\n", "the log is cloudtrail (1 of 1 lines), but the catalog declares web as json; write there sources: {web: {format: cloudtrail}}"},
		{"json", event + "\n", ""}, // read by a mapping of one's own
		{"cloudtrail", json, "the log is json (1 of 1 lines), but the catalog declares web as cloudtrail; write there sources: {web: {format: json, fields: {time: …, uri: …}}}"},
		{"cloudtrail", access, "the log is common (1 of 1 lines), but the catalog declares web as cloudtrail; write there sources: {web: {format: common}}"},
		{"cloudtrail", `{"Records":[` + event + "]}", ""},
		{"cloudtrail", `{"Records":[]}`, ""},
		{"combined", "[" + event + "]", "the log is cloudtrail (1 of 1 lines), but the catalog declares web as combined; write there sources: {web: {format: cloudtrail}}"},
	} {
		f, err := FormatNamed(test.declared)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := CheckDeclared(f, src, []byte(test.text)); err != nil {
			got = err.Error()
			if ko, ok := err.(interface{ KO() string }); !ok || !strings.Contains(ko.KO(), "카탈로그를 다음과 같이 고치십시오") {
				t.Errorf("%v: no Korean", err)
			}
		}
		if got != test.want {
			t.Errorf("%s: %s", test.declared, got)
		}
	}
	if _, err := FormatNamed("jsno"); err == nil || err.Error() != `unknown format "jsno"; known: keycloak, json, combined, common, cloudtrail, pgaudit, mariadb` {
		t.Error(err)
	}
}
