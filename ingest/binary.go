package ingest

import (
	"bytes"
	"fmt"

	"github.com/haetae/haetae/catalog"
)

// BinaryError says that an input is plainly no log of lines. Decoding it would
// set aside thousands of lines that nobody wrote.
type BinaryError struct{ What catalog.Text }

func (e *BinaryError) Error() string { return fmt.Sprintf("this is no log but %s", e.What.EN) }

// KO is Error in Korean.
func (e *BinaryError) KO() string { return fmt.Sprintf("로그가 아니라 %s입니다", e.What.KO) }

// signatures are what people hand over by mistake. What can be unpacked by other
// means says so.
var signatures = []struct {
	at   int
	mark string
	what catalog.Text
}{
	{0, "\x7fELF", catalog.Text{KO: "실행 파일(ELF)", EN: "a program (ELF)"}},
	{0, "MZ\x90", catalog.Text{KO: "실행 파일(Windows)", EN: "a program (Windows)"}},
	{0, "PK\x03\x04", catalog.Text{KO: "zip 파일(먼저 압축을 푸십시오)", EN: "a zip archive; unpack it first"}},
	{0, "\xfd7zXZ\x00", catalog.Text{KO: "xz로 압축한 파일(먼저 압축을 푸십시오: xz -dc FILE | haetae import … -)", EN: "packed with xz; unpack it first (xz -dc FILE | haetae import … -)"}},
	{0, "BZh", catalog.Text{KO: "bzip2로 압축한 파일(먼저 압축을 푸십시오: bzip2 -dc FILE | haetae import … -)", EN: "packed with bzip2; unpack it first (bzip2 -dc FILE | haetae import … -)"}},
	{0, "\x04\x22\x4d\x18", catalog.Text{KO: "lz4로 압축한 파일(먼저 압축을 푸십시오: lz4 -dc FILE | haetae import … -)", EN: "packed with lz4; unpack it first (lz4 -dc FILE | haetae import … -)"}},
	{0, "7z\xbc\xaf", catalog.Text{KO: "7z 파일(먼저 압축을 푸십시오)", EN: "a 7z archive; unpack it first"}},
	{257, "ustar", catalog.Text{KO: "tar 파일(먼저 압축을 푸십시오)", EN: "a tar archive; unpack it first"}},
	{0, "SQLite format 3\x00", catalog.Text{KO: "SQLite 데이터베이스", EN: "an SQLite database"}},
	{0, "PAR1", catalog.Text{KO: "Parquet 파일", EN: "a Parquet file"}},
	{0, "%PDF-", catalog.Text{KO: "PDF 문서", EN: "a PDF document"}},
	{0, "\x89PNG\r\n", catalog.Text{KO: "이미지 파일", EN: "a picture"}},
	{0, "\xff\xd8\xff", catalog.Text{KO: "이미지 파일", EN: "a picture"}},
	{0, "ElfFile\x00", catalog.Text{KO: "Windows 이벤트 로그", EN: "a Windows event log"}},
	{0, "\xff\xfe", catalog.Text{KO: "UTF-16 텍스트(UTF-8로 변환하십시오)", EN: "text in UTF-16; convert it to UTF-8 first"}},
	{0, "\xfe\xff", catalog.Text{KO: "UTF-16 텍스트(UTF-8로 변환하십시오)", EN: "text in UTF-16; convert it to UTF-8 first"}},
}

// A log has control characters now and then, when somebody greets a plain port in
// TLS and the server writes it down; one byte in twelve is no log, and fewer than
// so many in all are no proof.
const (
	binaryShare = 12
	binaryLeast = 64
)

// refuseBinary looks at the first bytes of an unpacked stream.
func refuseBinary(sample []byte) error {
	for _, s := range signatures {
		if len(sample) >= s.at+len(s.mark) && string(sample[s.at:s.at+len(s.mark)]) == s.mark {
			return &BinaryError{s.what}
		}
	}
	n, text := 0, withoutHoles(sample)
	for _, c := range text {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\v' && c != '\f' && c != 0x1b {
			n++
		}
	}
	if n >= binaryLeast && n*binaryShare > len(text) {
		return &BinaryError{catalog.Text{KO: "이진(바이너리) 파일", EN: "binary data"}}
	}
	return nil
}

// withoutHoles leaves out what a log has of NULs without being binary data: it
// begins with them where it was cut while its writer kept its place, and has a
// block of them where the machine stopped before the bytes reached the disk.
func withoutHoles(sample []byte) []byte {
	const least = 64 // no number or pointer has as many
	var out []byte
	for {
		i := bytes.Index(sample, make([]byte, least))
		if i < 0 {
			return append(out, sample...)
		}
		out = append(out, sample[:i]...)
		sample = bytes.TrimLeft(sample[i:], "\x00")
	}
}
