package main

var importWords = struct {
	handedOver, catalogNew, catalogSame, register, holdings, badLines, already, file, resumed, duplicates, aside, broken, total text
}{
	handedOver:  text{"서버(%s)가 폴더를 쓰고 있어 가져오기를 맡깁니다.\n", "a server at %s owns the folder and does the import\n"},
	catalogNew:  text{"카탈로그 %s: %d판으로 넣었습니다.\n", "catalog %s is now edition %d\n"},
	catalogSame: text{"카탈로그 %s: 바뀐 것이 없습니다(%d판).\n", "catalog %s has not changed (edition %d)\n"},
	register:    text{"회원대장 %s: 계정 %s개\n", "register %s: %s accounts\n"},
	holdings:    text{"보유현황 %s: %s행\n", "holdings %s: %s lines\n"},
	badLines:    text{"  읽을 수 없는 행 %s개. 처음 몇 개:\n", "  %s lines could not be read; the first of them:\n"},
	already:     text{"%s: 이미 가져온 파일입니다. 바뀐 것이 없습니다.\n", "%s: this very file was imported before; nothing changed\n"},
	file:        text{"%s (%s, %s): 접속기록 %s건, %s행\n", "%s (%s, %s): %s records from %s lines\n"},
	resumed:     text{"  멈추었던 곳에서 이어서 가져왔습니다.\n", "  went on from where it had stopped\n"},
	duplicates:  text{"  이미 있던 기록 %s건은 다시 세지 않았습니다.\n", "  %s records had been counted before and were not counted again\n"},
	aside:       text{"  읽을 수 없는 행 %s개는 따로 보관하였습니다. 사유: haetae aside list\n", "  %s lines could not be read and were set aside; see haetae aside list\n"},
	broken:      text{"  파일이 끝까지 읽히지 않았습니다: %s\n", "  the file could not be read to its end: %s\n"},
	total:       text{"모두: 접속기록 %s건, %s행, 중복 %s건, 따로 보관 %s행\n", "in all: %s records from %s lines, %s repeated, %s set aside\n"},
}

var progressWords = struct{ edition, check, commit, stream, file text }{
	edition: text{"카탈로그와 대장을 넣는 중", "installing catalog and registers"},
	check:   text{"이미 가져온 파일인지 확인하는 중", "checking whether this file was imported before"},
	commit:  text{"확정하는 중", "committing"},
	stream:  text{"%s 읽음, %s행, 초당 %s행", "%s read, %s lines, %s lines/s"},
	file:    text{"%.1f%%  %s행  초당 %s행  남은 시간 %s", "%.1f%%  %s lines  %s lines/s  %s left"},
}
