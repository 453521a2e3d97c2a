package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/scope"
)

// TestErrorsInKorean: an error of another package is told in Korean with itself
// behind it, and what a command said in Korean already is left alone.
func TestErrorsInKorean(t *testing.T) {
	for _, x := range errorTexts {
		got := errorKO(fmt.Errorf("open d: %w", x.err))
		if !strings.HasPrefix(got, x.ko) && !strings.Contains(got, "손상") || !strings.Contains(got, x.err.Error()) {
			t.Errorf("%v is told as %q", x.err, got)
		}
		for w, why := range wrongKorean {
			if strings.Contains(x.ko, w) {
				t.Errorf("%q: %s: %s", x.ko, w, why)
			}
		}
	}
	a := &app{lang: korean}
	for _, x := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("scope: %w", scope.ErrCorrupt), "데이터 폴더의 파일이 손상되었습니다 (scope: corrupt)"},
		{fmt.Errorf("open: %w", &ledger.VersionError{What: "the data folder", Found: 9, Known: 1}), "형식 버전 9의 데이터 폴더입니다. 이 haetae는 버전 1까지 읽을 수 있습니다"},
		{&ledger.WrongKeyError{Dir: "keys"}, "다른 데이터 폴더의 키입니다. 이 폴더와 함께 만든 키 폴더를 --keys로 지정하십시오"},
		{a.failure(ledger.ErrNotFolder, usageText.noID), "식별자가 비어 있습니다"},
		{errors.New("what nobody knows"), "what nobody knows"},
	} {
		if got := a.said(x.err); got != x.want {
			t.Errorf("%v is told as %q, want %q", x.err, got, x.want)
		}
	}
	for args, want := range map[string]string{
		"scope --bogus":                  "알 수 없는 옵션: --bogus",
		"scope -z":                       "알 수 없는 옵션: -z",
		"scope --data":                   "값이 필요한 옵션: --data",
		"scope --workers x":              `--workers: 사용할 수 없는 값 "x"`,
		"scope --data nope --where true": "haetae 데이터 폴더가 아닙니다",
	} {
		var out, got strings.Builder
		run(t.Context(), append([]string{"--lang", "ko"}, strings.Fields(args)...), strings.NewReader(""), &out, &got)
		if !strings.Contains(got.String(), want) {
			t.Errorf("%s: %q, want %q", args, got.String(), want)
		}
	}
}
