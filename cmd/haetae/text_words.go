package main

// Everything else that is printed, by command. Sentences with verbs (%s) have
// them in the same order in both languages.

var hintText = struct {
	interrupted, catalogMistakes, usage, predicate, newer, overlap, held, catalog, inUse, notFolder, corrupt,
	importing, noCatalog, noSource, key, diskFull, portTaken, otherServer, permission, exists, noKeys text
}{
	interrupted:     text{"중단되었습니다. 같은 명령으로 이어서 할 수 있습니다.", "stopped; the same command goes on from here"},
	catalogMistakes: text{"카탈로그에 잘못된 곳: %d", "mistakes in the catalog: %d"},
	usage:           text{"%s --help에 보기가 있습니다", "%s --help shows examples"},
	predicate:       text{"보기: 'credential.key == \"sig-2024-04\" && status == 200'. haetae scope --help에 쓸 수 있는 이름이 있습니다", "for example: 'credential.key == \"sig-2024-04\" && status == 200'; haetae scope --help lists the names"},
	newer:           text{"그 폴더를 쓴 판 또는 더 새로운 판의 haetae를 쓰십시오. 이 판은 폴더를 건드리지 않았습니다", "use the haetae that wrote it, or a newer one; nothing in the folder was touched"},
	overlap:         text{"이미 가져온 행의 사본이 아니라면 --new를 붙이십시오", "if these lines are really new ones, add --new"},
	held:            text{"haetae hold list로 확인하고, 보전이 끝났으면 haetae hold lift로 푸십시오", "see haetae hold list; when the evidence is no longer needed, haetae hold lift"},
	catalog:         text{"docs/catalog.md에 모든 항목의 설명이 있습니다", "docs/catalog.md explains every key"},
	inUse:           text{"서버나 다른 명령이 폴더를 쓰고 있습니다. 끝나기를 기다리거나, 서버가 떠 있는지 haetae status로 확인하십시오", "a server or another command owns the folder: wait for it, or look with haetae status"},
	notFolder:       text{"먼저 만드십시오: haetae init --data DIR", "make one first: haetae init --data DIR"},
	corrupt:         text{"폴더를 그대로 두고 사본에서 확인하십시오. 백업이 있으면 되돌리십시오", "leave the folder as it is and look at a copy; if there is a backup, restore it"},
	importing:       text{"진행 중인 가져오기가 끝나면 다시 실행하십시오", "run it again when the other import has ended"},
	noCatalog:       text{"카탈로그를 넣으십시오: haetae import --data DIR --catalog FILE", "give it one: haetae import --data DIR --catalog FILE"},
	noSource:        text{"--source NAME으로 카탈로그의 로그 이름을 주십시오 (haetae catalog show)", "give the catalog's name for this log: --source NAME (haetae catalog show lists them)"},
	key:             text{"이 폴더를 만들 때 생긴 키인지 확인하십시오", "check that this is the key made together with the folder"},
	diskFull:        text{"디스크가 가득 찼습니다. 공간을 비우고 같은 명령을 다시 실행하십시오. 저장되었다고 답한 기록은 안전합니다", "the disk is full: make room and run the same command again; what was acknowledged is safe"},
	portTaken:       text{"다른 주소를 주십시오: --listen 127.0.0.1:0", "choose another address: --listen 127.0.0.1:0"},
	otherServer:     text{"그 주소에는 다른 폴더의 서버가 있습니다", "another folder's server is at that address"},
	permission:      text{"파일의 주인과 권한을 확인하십시오", "check who owns the file and who may read it"},
	exists:          text{"다른 폴더를 쓰거나, 있는 것을 먼저 옮기십시오", "use another folder, or move what is there"},
	noKeys:          text{"키 폴더가 다른 곳이면 --keys DIR로 알려 주십시오", "if the keys are elsewhere, say --keys DIR"},
}

var initWords = struct{ done text }{
	done: text{`데이터 폴더를 만들었습니다: %s
  %s   가명처리 키. 서버 실행에 필요합니다. 따로 백업하십시오.
  %s   열람 키. 지금 이 장비 밖으로 옮겨 보관하십시오.
`, `made the data folder %s
  %s   turns ids into pseudonyms; the server needs it; back it up, apart from the data
  %s   leads back to real ids; move it off this machine now
`},
}

var tokenWords = struct{ added, unknownSource, none, removed text }{
	added:         text{"%s의 토큰을 발급하였습니다(번호 %s). 다시 볼 수 없으니 지금 옮겨 적으십시오.\n", "a token for %s (id %s); it cannot be shown again\n"},
	unknownSource: text{"주의: 지금 카탈로그에는 %s 로그가 없습니다.\n", "note: the catalog in force has no source %s\n"},
	none:          text{"토큰이 없습니다.\n", "no tokens\n"},
	removed:       text{"토큰을 없앴습니다.\n", "token removed\n"},
}

var retainWords = struct{ notYet, done, held, lifted, noHolds text }{
	notYet:  text{"%s보다 오래된 접속기록을 파기합니다. 되돌릴 수 없으므로 --yes를 붙여야 실행됩니다.\n", "this would destroy the records older than %s; it cannot be undone, so add --yes to do it\n"},
	done:    text{"접속기록 %s건, 파일 %s개, 식별자 %s개를 파기하였습니다.\n", "destroyed %s records, %s files, %s ids\n"},
	held:    text{"자료 보전을 걸었습니다: %s. 풀기 전에는 파기하지 않습니다.\n", "hold %s is in place; nothing is destroyed until it is lifted\n"},
	lifted:  text{"자료 보전을 풀었습니다: %s\n", "hold %s is lifted\n"},
	noHolds: text{"걸려 있는 자료 보전이 없습니다.\n", "no holds\n"},
}

var catalogWords = struct {
	edition, name, items, sources, routes, detected, cadence, noCadence, behind                    text
	checked, unmappedSuspect, unmappedOthers, noUnmapped, unnamedRows, like, asideLines, addRoutes text
}{
	edition:         text{"카탈로그 %s (%d판)\n", "catalog %s (edition %d)\n"},
	name:            text{"카탈로그 %s\n", "catalog %s\n"},
	items:           text{"\n개인정보 항목\n", "\nitems\n"},
	sources:         text{"\n로그\n", "\nsources\n"},
	routes:          text{"\n경로\n", "\nroutes\n"},
	detected:        text{"형식 자동 판별", "format detected"},
	cadence:         text{"적어도 %s마다 기록", "at least one record every %s"},
	noCadence:       text{"기록 주기 미신고", "no cadence declared"},
	behind:          text{" + 주소록의 사람들", " + the people behind the account"},
	checked:         text{"%s (%s, %s): %s행, 기록 %s건\n\n", "%s (%s, %s): %s lines, %s records\n\n"},
	unmappedSuspect: text{"\n카탈로그에 없으나 개인정보로 보이는 경로\n", "\nunmapped routes that look like personal data\n"},
	unmappedOthers:  text{"\n그 밖에 카탈로그에 없는 경로 %s개, 기록 %s건\n", "\n%s other unmapped routes, %s records\n"},
	noUnmapped:      text{"\n개인정보로 보이는 미등록 경로가 없습니다.\n", "\nno unmapped route looks like personal data\n"},
	unnamedRows:     text{"\n계정을 밝히지 않은 응답이 돌려준 행: %s\n", "\nrows in answers that name no account: %s\n"},
	like:            text{"대소문자만 다른 경로: %s", "differs only in case from %s"},
	asideLines:      text{"\n읽을 수 없는 행: %s\n", "\nlines that could not be read: %s\n"},
	addRoutes:       text{"\n카탈로그에 옮겨 적고 항목과 계정을 채우십시오:\n", "\nto begin with, copy these into the catalog and fill in items and account:\n"},
}

var asideWords = struct{ none, opened text }{
	none:   text{"따로 보관한 행이 없습니다.\n", "no lines were set aside\n"},
	opened: text{"%s행을 열었습니다. 이 열람은 접속기록으로 남았습니다.\n", "%s lines opened; this is now in the record\n"},
}

var statusText = struct {
	folderFormat, folder, records, span, segments, identities, catalog, registers, holdings,
	imports, unfinished, aside, holds, retained, server, noServer, free, follow, behind, none text
}{
	folderFormat: text{"폴더 형식 %d까지 읽습니다\n", "reads data folders up to format %d\n"},
	folder:       text{"데이터 폴더", "data folder"},
	records:      text{"접속기록", "records"},
	span:         text{"기간", "span"},
	segments:     text{"파일", "files"},
	identities:   text{"식별자(가명)", "ids (pseudonyms)"},
	catalog:      text{"카탈로그", "catalog"},
	registers:    text{"회원대장", "register"},
	holdings:     text{"보유현황", "holdings"},
	imports:      text{"가져온 파일", "imports"},
	unfinished:   text{"%s (그 밖에 끝나지 않은 것 %s)", "%s (and %s not finished)"},
	aside:        text{"따로 보관한 행", "lines set aside"},
	holds:        text{"걸려 있는 자료 보전", "holds"},
	retained:     text{"이 시각 이전은 파기됨", "destroyed before"},
	server:       text{"서버", "server"},
	noServer:     text{"실행 중 아님", "not running"},
	free:         text{"디스크 여유", "disk free"},
	follow:       text{"추적 중인 로그", "follows"},
	behind:       text{"%s=%s, 밀린 양 %s", "%s=%s, %s behind"},
	none:         text{"없음", "none"},
}
