package main

var quickWords = struct{ begin, question, took, noticed, next, install, serving, notOurs text }{
	begin: text{`가상 쇼핑몰의 한 달 치 로그로 시작합니다.
데이터 폴더: %s   키 폴더: %s

`, `Begins with a month of a made-up shop's log.
data folder: %s   key folder: %s

`},
	question: text{`
서명키 sig-2024-04가 도용되었습니다. 누구의 개인정보가 조회되었을까요?

  %s scope --data %s --where '%s'

`, `
The signing key sig-2024-04 was stolen. Whom did it reach?

  %s scope --data %s --where '%s'

`},
	took: text{"\n이 질의 %s, 시작부터 여기까지 %s\n", "\nthe question took %s, everything so far %s\n"},
	noticed: text{`
이 도용을 언제 알아챌 수 있었을까요?

  %s detect --data %s
`, `
When would anybody have noticed?

  %s detect --data %s
`},
	next: text{`
이제 실제 nginx 로그로 해 보십시오. 시작용 카탈로그를 복사한 뒤 경로를 채우면 됩니다.

  cp %s my.yaml
  %s init --data my-data
  %s catalog check /var/log/nginx/access.log --catalog my.yaml     # 개인정보로 보이는 경로를 찾습니다
  %s import --data my-data --catalog my.yaml /var/log/nginx/access.log*
  %s scope --data my-data --where 'inCIDR(client.ip, "203.0.113.0/24")'
`, `
Now the same with an nginx log of your own. Copy the catalog to start from and fill in routes.

  cp %s my.yaml
  %s init --data my-data
  %s catalog check /var/log/nginx/access.log --catalog my.yaml     # names the routes that look like personal data
  %s import --data my-data --catalog my.yaml /var/log/nginx/access.log*
  %s scope --data my-data --where 'inCIDR(client.ip, "203.0.113.0/24")'
`},
	install: text{"\n명령을 haetae로 줄여 쓰려면: go install github.com/haetae/haetae/cmd/haetae@latest (내려받은 저장소에서는 go install ./cmd/haetae)\n",
		"\nTo type haetae instead: go install github.com/haetae/haetae/cmd/haetae@latest, or go install ./cmd/haetae in a clone.\n"},
	serving: text{"\n서버가 http://%s 에서 실행 중입니다. Ctrl-C를 누르면 종료합니다.\n", "\nserving on http://%s, Ctrl-C to end\n"},
	notOurs: text{"%s: 비어 있지 않고, quickstart로 만든 폴더도 아닙니다", "%s is not empty and was not made by quickstart"},
}
