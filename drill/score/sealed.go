package score

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"unicode/utf8"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"github.com/haetae/haetae/drill"
	"github.com/haetae/haetae/internal/written"
)

// format of a sealed truth; the header is a Truth with this key before it.
const truthFormat = 1

// A truth that is longer in memory than this is none: items, marks and phases are few.
const longestHeader = 16 << 20

// What can be wrong with a sealed truth.
var (
	errKey       = written.Errorf("봉인을 여는 키 파일이 아닙니다", "this is no file of the key that opens the seal")
	errOtherKey  = written.Errorf("이 키로 봉인한 정답 파일이 아닙니다", "the truth was not sealed to this key")
	errSeal      = written.Errorf("봉인된 정답 파일이 아니거나 손상되었습니다", "this is no sealed truth, or it is damaged")
	errNewer     = written.Errorf("더 새로운 형식의 정답 파일입니다. 만든 버전 이상을 쓰십시오", "the truth has a newer format: use the version that made it, or a newer one")
	errCut       = written.Errorf("정답 파일이 중간에서 끊겼습니다", "the truth ends too early")
	errDifferent = written.Errorf("정답 파일의 사람 수가 머리 부분과 다릅니다", "the truth holds another number of people than it says")
)

// NewKey draws the key of a seal: the text of its file, which opens, and the recipient,
// which seals. The file is one of age's, so that `age -d` opens the truth as well.
func NewKey() (file []byte, recipient string, err error) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, "", fmt.Errorf("key of the seal: %w", err)
	}
	recipient = id.Recipient().String()
	return fmt.Appendf(nil, "# public key: %s\n%s\n", recipient, id), recipient, nil
}

// Seal writes the truth: a line of it, then one line per person, compressed and
// encrypted to the recipient. Nothing is held in memory.
func Seal(w io.Writer, recipient string, t *drill.Truth, people iter.Seq[drill.Reached]) error {
	to, err := age.ParseX25519Recipient(recipient)
	if err != nil {
		return fmt.Errorf("seal the truth: %w", errKey)
	}
	sealed, err := age.Encrypt(w, to)
	if err != nil {
		return fmt.Errorf("seal the truth: %w", err)
	}
	z, err := zstd.NewWriter(sealed, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	if err != nil {
		return fmt.Errorf("seal the truth: %w", err)
	}
	err = writeTruth(z, t, people)
	// Without the ends nobody can tell a whole file from the beginning of one.
	if err := errors.Join(err, z.Close()); err != nil {
		return fmt.Errorf("seal the truth: %w", err)
	}
	if err := sealed.Close(); err != nil {
		return fmt.Errorf("seal the truth: %w", err)
	}
	return nil
}

// header is the first line.
type header struct {
	Format int `json:"format"`
	*drill.Truth
}

func writeTruth(w io.Writer, t *drill.Truth, people iter.Seq[drill.Reached]) error {
	b := bufio.NewWriterSize(w, 1<<16)
	if err := json.NewEncoder(b).Encode(header{truthFormat, t}); err != nil {
		return err
	}
	var line []byte
	var n int64
	for p := range people {
		if !plain(p.Person) {
			return written.Errorf("식별자로 쓸 수 없는 값이 있습니다", "an id is empty, too long or no text")
		}
		line = appendReached(line[:0], p)
		if _, err := b.Write(line); err != nil {
			return err
		}
		n++
	}
	if n != t.People {
		return errDifferent
	}
	return b.Flush()
}

// plain says whether a text can be an id.
func plain(id string) bool { return id != "" && len(id) <= longest && utf8.ValidString(id) }

// The keys of a line, in the one order in which they are written.
const (
	kPerson  = `{"person":"`
	kItems   = `","items":`
	kFirst   = `,"first":`
	kNamed   = `,"named":`
	kAccount = `,"account":`
	kByHold  = `,"by_hold":true` // left out where it is false
)

// simple ids stand in JSON as they are.
func simple(id string) bool {
	for i := range len(id) {
		if c := id[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

func appendReached(b []byte, p drill.Reached) []byte {
	b = append(b, kPerson...)
	if simple(p.Person) {
		b = append(b, p.Person...)
	} else {
		q, _ := json.Marshal(p.Person) // a string has no error
		b = append(b, q[1:len(q)-1]...)
	}
	b = strconv.AppendUint(append(b, kItems...), uint64(p.Items), 10)
	b = strconv.AppendInt(append(b, kFirst...), p.First, 10)
	b = strconv.AppendBool(append(b, kNamed...), p.Named)
	b = strconv.AppendBool(append(b, kAccount...), p.Account)
	if p.ByHold {
		b = append(b, kByHold...)
	}
	return append(b, "}\n"...)
}

// Open opens a sealed truth with the text of the key's file. The people may be gone
// through once; an error is the last thing that comes, and after it nothing that came
// is to be relied on.
func Open(r io.Reader, key []byte) (*drill.Truth, iter.Seq2[drill.Reached, error], error) {
	ids, err := age.ParseIdentities(bytes.NewReader(key))
	if err != nil {
		return nil, nil, fmt.Errorf("open the truth: %w", errKey)
	}
	open, err := age.Decrypt(r, ids...)
	if err != nil {
		if _, other := errors.AsType[*age.NoIdentityMatchError](err); other {
			return nil, nil, fmt.Errorf("open the truth: %w", errOtherKey)
		}
		return nil, nil, fmt.Errorf("open the truth: %w", errSeal)
	}
	z, err := zstd.NewReader(open, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20), zstd.WithDecoderMaxWindow(8<<20))
	if err != nil {
		return nil, nil, fmt.Errorf("open the truth: %w", err)
	}
	t, people, err := readTruth(z)
	if err != nil {
		z.Close()
		return nil, nil, err
	}
	return t, func(yield func(drill.Reached, error) bool) {
		defer z.Close()
		people(yield)
	}, nil
}

// atLine is an error of a line of the truth.
func atLine(n int64, err error) error { return &lineError{n, err} }

type lineError struct {
	line int64
	err  error
}

func (e *lineError) Error() string { return fmt.Sprintf("open the truth: line %d: %v", e.line, e.err) }
func (e *lineError) Unwrap() error { return e.err }
func (e *lineError) KO() string {
	return fmt.Sprintf("정답 파일을 열 수 없습니다(%d행): %s", e.line, written.Korean(e.err))
}

var errLine = written.Errorf("읽을 수 없는 행입니다", "this line cannot be read")

// readTruth reads what writeTruth wrote.
func readTruth(r io.Reader) (*drill.Truth, iter.Seq2[drill.Reached, error], error) {
	b := bufio.NewReaderSize(r, 1<<16)
	first, err := lineOf(b, longestHeader)
	if err != nil {
		return nil, nil, atLine(1, err)
	}
	var version struct{ Format int }
	if json.Unmarshal(first, &version) != nil {
		return nil, nil, atLine(1, errSeal)
	}
	if version.Format > truthFormat {
		return nil, nil, atLine(1, errNewer)
	}
	h := header{Truth: &drill.Truth{}}
	dec := json.NewDecoder(bytes.NewReader(first))
	dec.DisallowUnknownFields()
	if dec.Decode(&h) != nil || version.Format != truthFormat || h.Truth == nil || !sound(h.Truth) {
		return nil, nil, atLine(1, errSeal)
	}
	return h.Truth, func(yield func(drill.Reached, error) bool) {
		for n := int64(2); ; n++ {
			line, err := lineOf(b, 8*longest)
			switch {
			case errors.Is(err, io.EOF) && n-2 == h.People:
				return
			case errors.Is(err, io.EOF), err == nil && n-2 == h.People:
				yield(drill.Reached{}, atLine(n, errDifferent))
				return
			case err != nil:
				yield(drill.Reached{}, atLine(n, err))
				return
			}
			p, ok := parseReached(line)
			if !ok || p.Items>>len(h.Items) != 0 {
				yield(drill.Reached{}, atLine(n, errLine))
				return
			}
			if !yield(p, nil) {
				return
			}
		}
	}, nil
}

// sound says whether a score can be reckoned of a truth.
func sound(t *drill.Truth) bool {
	return len(t.Items) <= drill.MostItems && t.Scale > 0 && t.People >= 0 && !t.To.Before(t.From)
}

// lineOf reads a line without its end; io.EOF comes only where none begins.
func lineOf(b *bufio.Reader, most int) ([]byte, error) {
	line, err := b.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		long := bytes.Clone(line)
		for errors.Is(err, bufio.ErrBufferFull) && len(long) <= most {
			line, err = b.ReadSlice('\n')
			long = append(long, line...)
		}
		line = long
	}
	switch {
	case len(line) > most:
		return nil, errLine
	case errors.Is(err, io.EOF) && len(line) == 0:
		return nil, io.EOF
	case errors.Is(err, io.EOF):
		return nil, errCut
	case err != nil:
		// What age and zstd say names bytes and keys, which help nobody here.
		return nil, errSeal
	}
	return line[:len(line)-1], nil
}

// parseReached reads a line as it is written; any other JSON of the same keys is slower.
func parseReached(line []byte) (drill.Reached, bool) {
	s := string(line)
	var p drill.Reached
	rest, ok := strings.CutPrefix(s, kPerson)
	person, rest, ok2 := strings.Cut(rest, kItems)
	items, rest, ok3 := strings.Cut(rest, kFirst)
	first, rest, ok4 := strings.Cut(rest, kNamed)
	named, account, ok5 := strings.Cut(rest, kAccount)
	i, err := strconv.ParseUint(items, 10, 32)
	f, err2 := strconv.ParseInt(first, 10, 64)
	if ok && ok2 && ok3 && ok4 && ok5 && err == nil && err2 == nil && simple(person) && plain(person) &&
		(named == "true" || named == "false") && (account == "true}" || account == "false}") {
		return drill.Reached{Person: person, Items: uint32(i), First: f, Named: named == "true", Account: account == "true}"}, true
	}
	var j struct {
		Person  *string `json:"person"`
		Items   *uint32 `json:"items"`
		First   *int64  `json:"first"`
		Named   *bool   `json:"named"`
		Account *bool   `json:"account"`
		ByHold  bool    `json:"by_hold"`
	}
	dec := json.NewDecoder(strings.NewReader(s))
	dec.DisallowUnknownFields()
	if dec.Decode(&j) != nil || j.Person == nil || j.Items == nil || j.First == nil || j.Named == nil || j.Account == nil || dec.More() || !plain(*j.Person) {
		return p, false
	}
	return drill.Reached{Person: *j.Person, Items: *j.Items, First: *j.First, Named: *j.Named, Account: *j.Account, ByHold: j.ByHold}, true
}
