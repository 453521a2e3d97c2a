package main

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/haetae/haetae/drill/play"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/scope"
	"github.com/haetae/haetae/server"
)

// errorTexts are errors of other packages as a Korean reader is told of them. The
// error itself, which names the file, follows in brackets. The first that fits
// counts.
var errorTexts = []struct {
	err error
	ko  string
}{
	{ledger.ErrNotFolder, "haetae 데이터 폴더가 아닙니다"},
	{ledger.ErrInUse, "다른 haetae 프로세스가 이 데이터 폴더를 사용 중입니다"},
	{ledger.ErrFailed, "앞선 쓰기의 성공 여부를 알 수 없습니다. 폴더를 다시 여십시오"},
	{ledger.ErrBehind, "수신한 접속기록을 파일로 저장하지 못하고 있습니다"},
	{ledger.ErrReadOnly, "데이터 폴더를 읽기 전용으로 열었습니다"},
	{ledger.ErrImporting, "다른 가져오기가 진행 중입니다"},
	{ledger.ErrBeginAgain, "그사이에 이 파일의 기록이 다른 경로로 들어왔습니다. 처음부터 다시 가져오십시오"},
	{scope.ErrNoScope, "그런 이름으로 저장한 조회 범위가 없습니다"},
	{scope.ErrScopeExists, "같은 이름으로 저장한 조회 범위가 이미 있습니다. 저장한 조회 범위는 바꿀 수 없습니다"},
	{scope.ErrScopeName, "조회 범위의 이름은 글자, 숫자, '.', '-', '_'로 64자까지 쓰십시오"},
	{scope.ErrMixed, "한쪽은 보유현황이 있을 때, 다른 쪽은 없을 때 산정하였습니다. 앞서 산정한 쪽을 다시 산정하십시오"},
	{server.ErrNoCatalog, "데이터 폴더에 카탈로그가 없습니다"},
	{errNoCatalog, "데이터 폴더에 카탈로그가 없습니다"},
	{server.ErrNoSource, "카탈로그의 어느 로그인지 알 수 없습니다"},
	{server.ErrNoServer, "이 데이터 폴더를 사용 중인 서버가 없습니다"},
	{play.ErrUsed, "서버에 이미 접속기록이 있습니다. 모의훈련에는 빈 데이터 폴더의 서버를 쓰십시오"},
	{play.ErrUnasked, "서버가 탐지 없이 실행 중입니다(--no-detect)"},
	{play.ErrNotEmpty, "--into의 로그 파일에 이미 내용이 있습니다"},
	{play.ErrStuck, "서버가 1분 동안 로그를 읽지 않았습니다"},
	{play.ErrNoFollow, "서버가 시나리오의 로그를 따라 읽고 있지 않습니다. --follow로 지정하여 서버를 다시 시작하십시오"},
	{play.ErrDetection, "서버의 탐지가 시작되지 못하였습니다"},
	{server.ErrTokens, "토큰 파일을 읽을 수 없습니다"},
	{pseudonym.ErrSealed, "암호화된 식별자를 이 키로 열 수 없습니다"},
	{pseudonym.ErrKey, "haetae 키 파일이 아니거나 이 데이터 폴더의 키가 아닙니다"},
	{disk.ErrLocked, "다른 프로세스가 사용 중입니다"},
	{syscall.ENOSPC, "디스크에 남은 공간이 없습니다"},
	{syscall.EADDRINUSE, "수신 주소를 이미 사용 중입니다"},
	{fs.ErrExist, "이미 있거나 비어 있지 않습니다"},
	{fs.ErrPermission, "접근 권한이 없습니다"},
	{fs.ErrNotExist, "그런 파일이나 폴더가 없습니다"},
}

// errorKO is an error of another package in Korean, or "" where it is not known.
func errorKO(err error) string {
	var (
		said     interface{ KO() string }
		noFlag   *pflag.NotExistError
		noValue  *pflag.ValueRequiredError
		badValue *pflag.InvalidValueError
		newer    *ledger.VersionError
		wrongKey *ledger.WrongKeyError
		exposed  *pseudonym.ExposedError
		held     *ledger.HeldError
		missing  *ledger.MissingError
	)
	switch {
	case errors.As(err, &said):
		return said.KO()
	case errors.As(err, &noFlag):
		if s := noFlag.GetSpecifiedShortnames(); s != "" {
			return "알 수 없는 옵션: -" + s
		}
		return "알 수 없는 옵션: --" + noFlag.GetSpecifiedName()
	case errors.As(err, &noValue):
		return "값이 필요한 옵션: --" + noValue.GetFlag().Name
	case errors.As(err, &badValue):
		return fmt.Sprintf("--%s: 사용할 수 없는 값 %q", badValue.GetFlag().Name, badValue.GetValue())
	case errors.As(err, &newer):
		return fmt.Sprintf("형식 버전 %d의 데이터 폴더입니다. 이 haetae는 버전 %d까지 읽을 수 있습니다", newer.Found, newer.Known)
	case errors.As(err, &wrongKey) && !wrongKey.Unknown:
		return "다른 데이터 폴더의 키입니다. 이 폴더와 함께 만든 키 폴더를 --keys로 지정하십시오"
	case errors.As(err, &exposed):
		return fmt.Sprintf("%s: 다른 사용자가 읽을 수 있는 키 파일입니다(%04o). chmod 600으로 권한을 제한하십시오", exposed.File, exposed.Mode)
	case errors.As(err, &held):
		return fmt.Sprintf("자료 보전이 설정되어 있어 파기할 수 없습니다 (%v)", err)
	case errors.As(err, &missing):
		if missing.File == "" {
			return fmt.Sprintf("데이터 폴더에 있어야 할 파일이 없습니다 (%v)", err)
		}
		return "데이터 폴더에 있어야 할 파일이 없습니다: " + missing.File
	case damaged(err):
		return fmt.Sprintf("데이터 폴더의 파일이 손상되었습니다 (%v)", err)
	}
	for _, t := range errorTexts {
		if errors.Is(err, t.err) {
			return fmt.Sprintf("%s (%v)", t.ko, err)
		}
	}
	return ""
}
