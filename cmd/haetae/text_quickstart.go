package main

var quickWords = struct{ begin, question, took, next, serving text }{
	begin: text{`가상 쇼핑몰의 한 달 치 로그로 시작합니다.
데이터 폴더: %s   키 폴더: %s

`, `Begins with a month of a made-up shop's log.
data folder: %s   key folder: %s

`},
	question: text{`
서명키 sig-2024-04가 도용되었습니다. 누구에게 닿았을까요?

  haetae scope --data %s --where '%s'

`, `
The signing key sig-2024-04 was stolen. Whom did it reach?

  haetae scope --data %s --where '%s'

`},
	took: text{"\n질의 %s, 처음부터 여기까지 %s\n", "\nthe question took %s, everything so far %s\n"},
	next: text{`
다음은 실제 nginx 로그로 해 볼 차례입니다. 시작용 카탈로그를 복사해 두고 경로를 채우십시오.

  cp %s my.yaml
  haetae init --data my-data
  haetae catalog check /var/log/nginx/access.log --catalog my.yaml     # 개인정보로 보이는 경로를 알려 줍니다
  haetae import --data my-data --catalog my.yaml /var/log/nginx/access.log*
  haetae scope --data my-data --where 'inCIDR(client.ip, "203.0.113.0/24")'
`, `
Now the same with an nginx log of your own. Copy the catalog to start from and fill in routes.

  cp %s my.yaml
  haetae init --data my-data
  haetae catalog check /var/log/nginx/access.log --catalog my.yaml     # names the routes that look like personal data
  haetae import --data my-data --catalog my.yaml /var/log/nginx/access.log*
  haetae scope --data my-data --where 'inCIDR(client.ip, "203.0.113.0/24")'
`},
	serving: text{"\nhttp://%s 에서 서버가 실행 중입니다. 마치려면 Ctrl-C\n", "\nserving on http://%s, Ctrl-C to end\n"},
}
