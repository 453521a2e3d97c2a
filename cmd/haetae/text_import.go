package main

var importWords = struct {
	handedOver, catalogNew, catalogSame, register, holdings, badLines, already, file, known, resumed, duplicates, aside, first, broken, total,
	refused, someFailed, oneFailed, notFolder, lostAddresses, lostTexts, ignored, unknownItems, like text
}{
	handedOver:    text{"이 폴더는 서버(%s)가 사용 중이므로 서버가 가져오기를 수행합니다.\n", "a server at %s owns the folder and does the import\n"},
	catalogNew:    text{"카탈로그 %s: 제%d판으로 적용하였습니다.\n", "catalog %s is now edition %d\n"},
	catalogSame:   text{"카탈로그 %s: 변경 사항이 없습니다(제%d판).\n", "catalog %s has not changed (edition %d)\n"},
	register:      text{"회원대장 %s: %s\n", "register %s: %s\n"},
	holdings:      text{"보유현황 %s: %s\n", "holdings %s: %s\n"},
	badLines:      text{"  %s을 읽을 수 없습니다. 앞의 몇 개:\n", "  %s could not be read; the first of them:\n"},
	already:       text{"%s: 내용을 모두 이미 가져왔거나 수집하여 건너뛰었습니다.\n", "%s: already imported or followed, all of it; nothing changed\n"},
	file:          text{"%s (%s, %s): %s, 원본 %s\n", "%s (%s, %s): %s from %s\n"},
	known:         text{"  앞부분 %s은 이미 가져왔거나 수집한 것이어서 그 뒤부터 가져왔습니다.\n", "  already imported or followed: its first %s; only the rest was taken\n"},
	resumed:       text{"  지난번에 중단된 지점부터 이어서 가져왔습니다.\n", "  went on from where it had stopped\n"},
	duplicates:    text{"  중복된 %s은 다시 세지 않았습니다.\n", "  %s had been counted before: not counted again\n"},
	aside:         text{"  %s을 읽을 수 없어 암호화하여 격리하였습니다. 전체 집계: haetae aside list\n", "  %s could not be read: set aside, see haetae aside list\n"},
	first:         text{"첫 위치 %s:%d", "first at %s:%d"},
	broken:        text{"  파일을 끝까지 읽지 못하였습니다: %s\n", "  the file could not be read to its end: %s\n"},
	total:         text{"합계: %s, 원본 %s, 중복 %s건, 격리 %s행\n", "in all: %s from %s, %s repeated, %s set aside\n"},
	lostAddresses: text{"  %s은 접속지 주소를 읽을 수 없어 접속지 정보 없이 저장하였습니다.\n", "  %s without a place of access: the client address could not be read\n"},
	lostTexts:     text{"  %s은 너무 길거나 제어 문자가 있는 값을 줄이거나 지우고 저장하였습니다.\n", "  %s with a text that was cut or cleaned: too long, or with control characters\n"},
	ignored:       text{"  사용하지 않은 열: %s\n", "  columns that are not read: %s\n"},
	unknownItems:  text{"  카탈로그에 없는 항목이 %s번 나옵니다. 해당 항목은 어느 집계에도 포함되지 않습니다.\n", "  entries of items that the catalog does not have, in no count: %s\n"},
	like:          text{" (%s의 오기로 보임)", " (is %s meant?)"},
	refused:       text{"%s: 가져오지 못하였습니다: %s\n", "%s: not imported: %s\n"},
	someFailed:    text{"파일 %s개를 가져오지 못하였습니다(전체 %s개). 나머지는 가져왔습니다", "%s of %s files could not be imported; the others were"},
	oneFailed:     text{"%s: %s", "%s: %s"},
	notFolder:     text{"폴더가 아닙니다", "not a folder"},
}

// importCauses are why a file was not imported, by the code of the report. The
// English text comes with the error itself.
var importCauses = map[string]text{
	"no_catalog":      {"데이터 폴더에 카탈로그가 없습니다", "the folder has no catalog yet"},
	"no_source":       {"카탈로그의 어느 로그인지 알 수 없거나, 그런 이름의 로그가 카탈로그에 없습니다", "cannot tell which source of the catalog this log is"},
	"folder":          {"폴더입니다. 그 안의 파일을 지정하십시오", "this is a folder; name the files in it"},
	"importing":       {"다른 가져오기가 진행 중입니다", "another import is running"},
	"failed":          {"앞선 쓰기의 성공 여부를 알 수 없습니다. 폴더를 다시 여십시오", "an earlier write had an unknown outcome"},
	"disk_full":       {"디스크에 남은 공간이 없습니다", "the disk is full"},
	"damaged":         {"데이터 폴더의 파일이 손상되었습니다", "a file of the data folder is damaged"},
	"missing_file":    {"그런 파일이나 폴더가 없습니다", "no such file or folder"},
	"permission":      {"읽을 권한이 없습니다", "permission denied"},
	"overlap":         {"이미 가져왔거나 수집한 행이 다시 들어 있고, 어느 행이 새로운지 구별할 수 없어 가져오면 중복으로 집계됩니다", "repeats lines that were read before"},
	"followed":        {"앞부분을 실시간으로 수집하였으므로 다시 해석할 수 없습니다", "its beginning was followed, not imported, and cannot be decoded again"},
	"elsewhere":       {"다른 경로로 먼저 들어온 기록이 있고, 이를 구별할 수 있는 기간이 지나 다시 해석하면 중복으로 집계됩니다", "some of its records had come another way, and can be told no more"},
	"held":            {"자료 보전 중에는 기존 기록을 교체할 수 없습니다", "nothing is replaced while a hold stands"},
	"not_imported":    {"이 파일을 가져온 적이 없어 다시 해석할 기록이 없습니다", "no earlier import of this file is known"},
	"earlier_catalog": {"예전에 적용하였다가 다른 판으로 교체한 카탈로그입니다. 되돌리려면 --again을 붙이십시오", "this catalog was replaced"},
}

var progressWords = struct{ edition, check, commit, stream, file, rate, left text }{
	edition: text{"카탈로그와 대장을 적용하는 중", "installing catalog and registers"},
	check:   text{"이미 가져온 파일인지 확인하는 중", "checking whether this file was imported before"},
	commit:  text{"저장을 확정하는 중", "committing"},
	stream:  text{"%s 읽음, %s행", "%s read, %s lines"},
	file:    text{"%.1f%%  %s행", "%.1f%%  %s lines"},
	rate:    text{"초당 %s행", "%s lines/s"},
	left:    text{"남은 시간 %s", "%s left"},
}
