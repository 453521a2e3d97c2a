package main

// sharesText are the words for which log knows what.
var sharesText = struct {
	title, only, rows, items, ofPerson, accesses text
}{
	title:    text{"\n로그별 (같은 사람이 여러 로그에 있으면 각각 세고, 전체에서는 한 번만 셉니다)\n", "\nby source (whoever stands in several counts in each, and once in the whole)\n"},
	only:     text{"이 로그에만 있는 정보주체", "only here"},
	rows:     text{"미상 행", "rows"},
	items:    text{"\n개인정보 항목별, 로그별 정보주체\n", "\npeople by item and source\n"},
	ofPerson: text{"로그별\n", "by source\n"},
	accesses: text{"접속", "accesses"},
}
