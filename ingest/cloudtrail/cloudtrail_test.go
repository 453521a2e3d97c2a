package cloudtrail

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest/element"
	"github.com/haetae/haetae/ingest/line"
)

var now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// merge puts members over an ordinary event: "a.b" leads into an object, nil takes
// a member away.
func merge(t testing.TB, over map[string]any) []byte {
	t.Helper()
	e := map[string]any{
		"eventVersion": "1.09", "eventTime": "2025-03-10T00:00:01Z", "eventID": "b9c3d881-1e77-426c-abd3-5ca20d903380",
		"eventSource": "s3.amazonaws.com", "eventName": "GetObject", "awsRegion": "ap-northeast-2",
		"sourceIPAddress": "203.0.113.7", "userAgent": "[aws-cli/2.15.0]", "readOnly": true, "eventType": "AwsApiCall",
		"userIdentity": map[string]any{
			"type": "IAMUser", "principalId": "AIDAEXAMPLE", "arn": "arn:aws:iam::111122223333:user/kim",
			"accountId": "111122223333", "accessKeyId": "AKIAEXAMPLE", "userName": "kim",
		},
		"requestParameters": map[string]any{"bucketName": "shop-members", "key": "profiles/m1000042.json"},
		"responseElements":  nil,
	}
	for k, v := range over {
		at := e
		if outer, inner, ok := strings.Cut(k, "."); ok {
			at, k = at[outer].(map[string]any), inner
		}
		if at[k] = v; v == nil {
			delete(at, k)
		}
	}
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// say writes down what became of an event.
func say(text []byte) string {
	var rec event.Record
	var req catalog.Request
	if err := New(nil, now).Decode(text, &rec, &req); err != nil {
		return "aside: " + err.Error()
	}
	return fmt.Sprintf("%s %s|%s %s|%s %s|%s %s %s|%s %s %d|%s %d %d", rec.Time, string(rec.ID), rec.Actor.Type, string(rec.Actor.ID),
		rec.Credential.Key, string(rec.Credential.Token), rec.Client.IP, rec.Client.Network, rec.Client.Agent,
		req.Method, req.URI, req.Words, req.Does, rec.Status, req.Lost)
}

type over = map[string]any

func TestDecode(t *testing.T) {
	want := "2025-03-10T00:00:01.000Z b9c3d881-1e77-426c-abd3-5ca20d903380|IAMUser arn:aws:iam::111122223333:user/kim|AKIAEXAMPLE |203.0.113.7  [aws-cli/2.15.0]|GET /aws/s3/GetObject/shop-members/profiles/m1000042.json?stem=m1000042 3|read 200 0"
	if got := say(merge(t, nil)); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	wrapped := `{"version":"0","detail-type":"AWS API Call via CloudTrail","source":"aws.s3","detail":` + string(merge(t, nil)) + `}`
	if got := say([]byte(wrapped)); got != want {
		t.Errorf("from EventBridge: %s", got)
	}
}

// TestIdentities: who called and with what, for every type of userIdentity.
func TestIdentities(t *testing.T) {
	role := over{"sessionIssuer": over{"type": "Role", "arn": "arn:aws:iam::111122223333:role/shop-api"}, "attributes": over{"mfaAuthenticated": "false"}}
	for _, test := range []struct {
		what string
		id   over
		want string // type actor|key token
	}{
		{"a user", over{"type": "IAMUser", "arn": "arn:aws:iam::1:user/kim", "accessKeyId": "AKIA1", "userName": "kim"}, "IAMUser arn:aws:iam::1:user/kim|AKIA1 "},
		{"a user in the console", over{"type": "IAMUser", "arn": "arn:aws:iam::1:user/kim", "accessKeyId": "ASIA1", "sessionContext": over{"attributes": over{}}}, "IAMUser arn:aws:iam::1:user/kim| ASIA1"},
		{"a role", over{"type": "AssumedRole", "arn": "arn:aws:sts::1:assumed-role/shop-api/i-0abc", "principalId": "AROA1:i-0abc", "accessKeyId": "ASIA2", "sessionContext": role}, "AssumedRole arn:aws:sts::1:assumed-role/shop-api/i-0abc|arn:aws:iam::111122223333:role/shop-api ASIA2"},
		{"a role of Identity Center", over{"type": "AssumedRole", "arn": "arn:aws:sts::1:assumed-role/AWSReservedSSO_Support_1f/kim@shop.example", "accessKeyId": "ASIA3", "sessionContext": over{"sessionIssuer": over{"arn": "arn:aws:iam::1:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Support_1f"}}}, "IdentityCenterUser arn:aws:sts::1:assumed-role/AWSReservedSSO_Support_1f/kim@shop.example|arn:aws:iam::1:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Support_1f ASIA3"},
		{"root", over{"type": "Root", "arn": "arn:aws:iam::1:root", "principalId": "1", "accountId": "1"}, "Root arn:aws:iam::1:root| "},
		{"a service", over{"type": "AWSService", "invokedBy": "ec2.amazonaws.com"}, "AWSService ec2.amazonaws.com| "},
		{"federated", over{"type": "FederatedUser", "arn": "arn:aws:sts::1:federated-user/kim", "principalId": "1:kim", "accessKeyId": "ASIA4", "sessionContext": over{"sessionIssuer": over{"type": "IAMUser", "arn": "arn:aws:iam::1:user/broker"}}}, "FederatedUser arn:aws:sts::1:federated-user/kim|arn:aws:iam::1:user/broker ASIA4"},
		{"a web identity", over{"type": "WebIdentityUser", "principalId": "accounts.google.com:app:m1000042", "userName": "m1000042", "identityProvider": "accounts.google.com"}, "WebIdentityUser m1000042| "},
		{"SAML", over{"type": "SAMLUser", "principalId": "SampleUkh1i4=:kim", "userName": "kim", "identityProvider": "SampleUkh1i4="}, "SAMLUser SampleUkh1i4=:kim| "},
		{"Identity Center", over{"type": "IdentityCenterUser", "accountId": "1", "onBehalfOf": over{"userId": "544894e8-80c1", "identityStoreArn": "arn:aws:identitystore::1:identitystore/d-1"}, "credentialId": "cdee2490-82ed"}, "IdentityCenterUser 544894e8-80c1| cdee2490-82ed"},
		{"another account", over{"type": "AWSAccount", "principalId": "AIDA5:bob", "accountId": "999"}, "AWSAccount AIDA5:bob| "},
		{"another account, nobody named", over{"type": "AWSAccount", "accountId": "999"}, "AWSAccount 999| "},
		{"nobody", over{"type": "Unknown"}, "Unknown | "},
		{"a directory", over{"type": "Directory", "accountId": "1", "userName": "corp"}, "Directory corp| "},
		{"a name that may be a password", over{"type": "IAMUser", "accountId": "1", "userName": "HIDDEN_DUE_TO_SECURITY_REASONS"}, "IAMUser | "},
		{"an arn too long for an id", over{"type": "IAMUser", "arn": "arn:aws:iam::1:user/" + strings.Repeat("x", 300), "principalId": "AIDA9"}, "IAMUser AIDA9| "},
		{"null members", over{"type": "IAMUser", "arn": nil, "principalId": "AIDA9", "accessKeyId": nil}, "IAMUser AIDA9| "},
	} {
		got := say(merge(t, over{"userIdentity": test.id}))
		if parts := strings.Split(got, "|"); len(parts) < 3 || strings.Join(parts[1:3], "|") != test.want {
			t.Errorf("%s: %s\nwant %s", test.what, got, test.want)
		}
	}
	if got := say(merge(t, over{"userIdentity": nil})); !strings.Contains(got, "| | |") {
		t.Errorf("no identity: %s", got)
	}
}

// TestObjects: what a call was about, and what it did.
func TestObjects(t *testing.T) {
	const secret = "arn:aws:secretsmanager:ap-northeast-2:111122223333:secret:prod/shop/db-4Rzn83"
	arn := func(kind, arn string) any { return []any{over{"type": kind, "ARN": arn, "accountId": "111122223333"}} }
	for _, test := range []struct {
		service, call string
		over          over
		want          string // method uri words|action
	}{
		{"s3", "GetObject", over{"requestParameters": over{"bucketName": "b", "key": "a/../x/./한글 이름.pdf"}}, "GET /aws/s3/GetObject/b/a/…/x/…/한글 이름.pdf?stem=한글%20이름 3|read"},
		{"s3", "GetObject", over{"requestParameters": over{"bucketName": "b", "key": "50%;v=1?#/m1&2.tar.gz"}}, "GET /aws/s3/GetObject/b/50%25%3Bv=1%3F%23/m1&2.tar.gz?stem=m1%262 3|read"},
		{"s3", "GetObject", over{"requestParameters": nil, "resources": arn("AWS::S3::Object", "arn:aws:s3:::b/k/x")}, "GET /aws/s3/GetObject/b/k/x?stem=x 3|read"},
		{"s3", "ListObjects", over{"requestParameters": over{"bucketName": "b", "prefix": "members/"}}, "GET /aws/s3/ListObjects/b 3|read"},
		{"s3", "PutObject", over{"readOnly": false, "requestParameters": over{"bucketName": "b", "key": "k"}}, "POST /aws/s3/PutObject/b/k?stem=k 3|update"},
		{"s3", "DeleteObject", over{"readOnly": false, "requestParameters": over{"bucketName": "b", "key": "k"}}, "POST /aws/s3/DeleteObject/b/k?stem=k 3|delete"},
		{"secretsmanager", "GetSecretValue", over{"requestParameters": over{"secretId": secret}}, "GET /aws/secretsmanager/GetSecretValue/prod/shop/db 3|read"},
		{"secretsmanager", "GetSecretValue", over{"requestParameters": over{"secretId": "prod/shop/db-4Rzn83"}}, "GET /aws/secretsmanager/GetSecretValue/prod/shop/db-4Rzn83 3|read"},
		{"secretsmanager", "GetSecretValue", over{"readOnly": nil, "requestParameters": over{"secretId": secret}}, "GET /aws/secretsmanager/GetSecretValue/prod/shop/db 3|read"},
		{"dynamodb", "GetItem", over{"requestParameters": over{"tableName": "Members", "key": over{"memberId": over{"S": "m1000042"}}}}, "GET /aws/dynamodb/GetItem/Members?memberId=m1000042 3|read"},
		{"dynamodb", "GetItem", over{"requestParameters": over{"tableName": "arn:aws:dynamodb:ap-northeast-2:1:table/Members", "key": over{"memberId": "m 1+&=%#"}}}, "GET /aws/dynamodb/GetItem/Members?memberId=m%201%2B%26%3D%25%23 3|read"},
		{"dynamodb", "GetItem", over{"requestParameters": over{"tableName": "Members", "key": over{"memberId": "HIDDEN_DUE_TO_SECURITY_REASONS"}}}, "GET /aws/dynamodb/GetItem/Members 3|read"},
		{"dynamodb", "BatchGetItem", over{"requestParameters": over{"requestItems": over{"Members": over{"keys": []over{{"memberId": over{"S": "m1"}}, {"memberId": over{"S": "m2"}}}, "projectionExpression": "#n"}}}}, "GET /aws/dynamodb/BatchGetItem/Members?memberId=m1&memberId=m2 3|read"},
		{"dynamodb", "BatchGetItem", over{"requestParameters": over{"requestItems": over{"Orders": over{"keys": []over{{"memberId": "m2", "no": 7}}}, "Members": over{"keys": []over{{"memberId": "m1"}}}}}}, "GET /aws/dynamodb/BatchGetItem/Members/Orders?memberId=m1&memberId=m2 3|read"},
		{"dynamodb", "BatchGetItem", over{"requestParameters": over{"requestItems": over{"Members": over{"keys": []over{{"memberId": "m1"}, {"memberId": "HIDDEN_DUE_TO_SECURITY_REASONS"}}}}}}, "GET /aws/dynamodb/BatchGetItem/Members 3|read"},
		{"dynamodb", "BatchGetItem", over{"requestParameters": over{"requestItems": over{"Members": over{"keys": []over{{"memberId": "m1"}}}, "Logs": over{}}}}, "GET /aws/dynamodb/BatchGetItem/Logs/Members 3|read"},
		{"dynamodb", "BatchGetItem", over{"requestParameters": over{"requestItems": over{"Members": over{"keys": "m1"}}}}, "GET /aws/dynamodb/BatchGetItem/Members 3|read"},
		{"dynamodb", "TransactGetItems", over{"requestParameters": over{"transactItems": []over{{"get": over{"tableName": "Members", "key": over{"memberId": over{"S": "m1"}}}}, {"get": over{"tableName": "Members", "key": over{"memberId": over{"S": "m3"}}}}}}}, "GET /aws/dynamodb/TransactGetItems/Members?memberId=m1&memberId=m3 3|read"},
		{"dynamodb", "TransactWriteItems", over{"readOnly": false, "requestParameters": over{"transactItems": []over{{"update": over{"tableName": "Members", "key": over{"memberId": "m1"}}}, {"put": over{"tableName": "Logs"}}}}}, "POST /aws/dynamodb/TransactWriteItems/Logs/Members 3|update"},
		{"dynamodb", "BatchWriteItem", over{"readOnly": false, "requestParameters": over{"requestItems": over{"Members": []over{{"deleteRequest": over{"key": over{"memberId": "m1"}}}}}}}, "POST /aws/dynamodb/BatchWriteItem/Members?memberId=m1 3|update"},
		{"dynamodb", "BatchExecuteStatement", over{"readOnly": false, "requestParameters": over{"statements": []over{{"statement": "SELECT * FROM Members WHERE id = ***"}}}, "resources": arn("AWS::DynamoDB::Table", "arn:aws:dynamodb:ap-northeast-2:1:table/Members")}, "POST /aws/dynamodb/BatchExecuteStatement/Members 3|other"},
		{"dynamodb", "Scan", over{"requestParameters": over{}, "resources": arn("AWS::DynamoDB::Table", "arn:aws:dynamodb:ap-northeast-2:1:table/Members")}, "GET /aws/dynamodb/Scan/Members 3|read"},
		{"dynamodb", "PutItem", over{"readOnly": false, "requestParameters": over{"tableName": "Members", "key": over{"n": over{"N": "7"}}, "item": []string{"n", "name"}}}, "POST /aws/dynamodb/PutItem/Members?n=7 3|update"},
		{"rdsdata", "ExecuteStatement", over{"readOnly": false, "requestParameters": over{"resourceArn": "arn:aws:rds:ap-northeast-2:1:cluster:shop", "secretArn": secret, "database": "members", "sql": "**********"}}, "POST /aws/rdsdata/ExecuteStatement/shop/members 3|other"},
		{"kms", "Decrypt", over{"requestParameters": over{"encryptionAlgorithm": "SYMMETRIC_DEFAULT", "encryptionContext": over{"member": "m1"}}, "resources": arn("AWS::KMS::Key", "arn:aws:kms:ap-northeast-2:1:key/1234-abcd")}, "GET /aws/kms/Decrypt/1234-abcd 3|read"},
		{"ssm", "GetParameter", over{"requestParameters": over{"name": "/prod/db/password", "withDecryption": true}}, "GET /aws/ssm/GetParameter/prod/db/password 3|read"},
		{"lambda", "Invoke", over{"readOnly": false, "requestParameters": over{"functionName": "arn:aws:lambda:ap-northeast-2:1:function:export"}}, "POST /aws/lambda/Invoke/export 3|other"},
		{"signin", "ConsoleLogin", over{"readOnly": false, "requestParameters": nil, "responseElements": over{"ConsoleLogin": "Success"}}, "POST /aws/signin/ConsoleLogin 3|sign_in"},
		{"iam", "CreateAccessKey", over{"readOnly": false, "requestParameters": over{"userName": "kim"}}, "POST /aws/iam/CreateAccessKey 3|issue"},
		{"athena", "StartQueryExecution", over{"readOnly": false, "requestParameters": over{"queryString": "select"}}, "POST /aws/athena/StartQueryExecution 3|other"},
		{"bedrock", "InvokeModel", over{"readOnly": true, "requestParameters": over{}, "resources": arn("x", "arn:aws:bedrock:r:1:model/m")}, "GET /aws/bedrock/InvokeModel/model/m 3|read"},
		{"odd name", "Get Object", nil, "GET /aws/odd name/Get Object 0|read"},
	} {
		o := over{"eventSource": test.service + ".amazonaws.com", "eventName": test.call}
		for k, v := range test.over {
			o[k] = v
		}
		parts := strings.Split(say(merge(t, o)), "|")
		if len(parts) != 6 || parts[4]+"|"+strings.Fields(parts[5])[0] != test.want {
			t.Errorf("%s %s: %q\nwant %s", test.service, test.call, parts, test.want)
		}
	}
	two := arn("AWS::DynamoDB::Table", "arn:aws:dynamodb:r:1:table/A").([]any)
	two = append(two, arn("AWS::DynamoDB::Table", "arn:aws:dynamodb:r:1:table/B").([]any)...)
	got := say(merge(t, over{"eventSource": "dynamodb.amazonaws.com", "eventName": "BatchGetItem", "requestParameters": over{}, "resources": two}))
	if !strings.Contains(got, "|GET /aws/dynamodb/BatchGetItem/A/B 3|read") {
		t.Errorf("two tables: %s", got)
	}
}

// TestIssued: an event that gives out a session has its id, and nothing of what
// makes it usable.
func TestIssued(t *testing.T) {
	e := over{
		"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole", "sourceIPAddress": "ec2.amazonaws.com", "userAgent": "ec2.amazonaws.com",
		"requestParameters": over{"roleArn": "arn:aws:iam::111122223333:role/path/shop-api", "roleSessionName": "i-0abc"},
		"responseElements":  over{"credentials": over{"accessKeyId": "ASIANEW", "sessionToken": "TOKENTOKEN", "secretAccessKey": "SECRET", "expiration": "Mar 10"}},
	}
	want := "AKIAEXAMPLE ASIANEW| ec2.amazonaws.com ec2.amazonaws.com|GET /aws/sts/AssumeRole/path/shop-api 3|issue 200 0"
	got := strings.Replace(say(merge(t, e)), "invalid IP", "", 1)
	if !strings.HasSuffix(got, want) {
		t.Errorf("%s\nwant …%s", got, want)
	}
	e["errorCode"] = "AccessDenied"
	if got := say(merge(t, e)); !strings.Contains(got, "|AKIAEXAMPLE |") || !strings.HasSuffix(got, "issue 403 0") {
		t.Errorf("refused: %s", got)
	}
}

func TestOutcomes(t *testing.T) {
	for code, want := range map[string]string{
		"": "200", "AccessDenied": "403", "Client.UnauthorizedOperation": "403", "AccessDeniedException": "403", "NoSuchKey": "404",
		"ResourceNotFoundException": "404", "KMS.NotFoundException": "404", "ThrottlingException": "429", "SlowDown": "429", "InternalFailure": "500",
		"ServiceUnavailable": "503", "ExpiredToken": "401", "NotModified": "304", "PreconditionFailed": "412", "ValidationException": "400", "SomethingNew": "400",
	} {
		o := over{}
		if code != "" {
			o["errorCode"] = code
		}
		if f := strings.Fields(say(merge(t, o))); f[len(f)-2] != want {
			t.Errorf("%q: %v, want %s", code, f, want)
		}
	}
	login := func(o over) string {
		all := over{"eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin", "readOnly": false, "requestParameters": nil}
		for k, v := range o {
			all[k] = v
		}
		f := strings.Fields(say(merge(t, all)))
		return f[len(f)-3] + " " + f[len(f)-2]
	}
	for _, test := range []struct {
		over over
		want string
	}{
		{over{"responseElements": over{"ConsoleLogin": "Success"}}, "3|sign_in 200"},
		{over{"responseElements": over{"ConsoleLogin": "Failure"}, "errorMessage": "Failed authentication"}, "3|sign_in 401"},
		{over{"eventName": "UserAuthentication", "serviceEventDetails": over{"UserAuthentication": "Failure"}}, "3|sign_in 401"},
	} {
		if got := login(test.over); got != test.want {
			t.Errorf("%v: %s", test.over, got)
		}
	}
}

// TestBad: what cannot become a record says which field, and repeats nothing.
func TestBad(t *testing.T) {
	jwt := "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
	for _, test := range []struct{ text, want string }{
		{`{}`, "eventTime: " + line.Missing.EN},
		{`{"digestStartTime":"2025-03-10T00:00:00Z"}`, "eventTime: " + line.Missing.EN},
		{`[]`, line.Syntax.EN},
		{`{"Records":[{"eventTime":"2025-03-10T00:00:00Z"}]}`, line.IsDocument.EN}, // a line of a followed file
		{`{"eventTime":"2025-03-10T00:00:00Z"`, line.Syntax.EN},
		{`{"eventTime":"2025-03-10T00:00:00Z","eventType":"AwsCloudTrailInsight","insightDetails":{}}`, "eventSource: " + line.Missing.EN},
		{string(merge(t, over{"eventName": ""})), "eventName: " + line.Missing.EN},
		{string(merge(t, over{"eventTime": "yesterday"})), "eventTime: " + line.Time.EN},
		{string(merge(t, over{"eventTime": "2031-03-10T00:00:00Z"})), "eventTime: " + line.ClockSkew.EN},
		{string(merge(t, over{"eventTime": 7})), "eventTime: " + line.Type.EN},
		{string(merge(t, over{"eventID": strings.Repeat("x", 300)})), "eventID: " + line.TooLong.EN},
		{string(merge(t, over{"eventID": []int{1}})), "eventID: " + line.Type.EN},
		{string(merge(t, over{"userIdentity": "kim"})), "userIdentity: " + line.Type.EN},
		{string(merge(t, over{"userIdentity.arn": 7})), "userIdentity.arn: " + line.Type.EN},
		{string(merge(t, over{"userIdentity.accessKeyId": jwt})), "accessKeyId: " + line.Bearer.EN},
		{string(merge(t, over{"userIdentity": over{"credentialId": "Bearer abcdef"}})), "accessKeyId: " + line.Bearer.EN},
		{string(merge(t, over{"userIdentity": over{"userName": jwt}})), "userIdentity: " + line.Bearer.EN},
		{string(merge(t, over{"eventName": "Get\u0000Object"})), "eventName: " + line.Control.EN},
	} {
		if got := say([]byte(test.text)); got != "aside: "+test.want {
			t.Errorf("%s: %s, want %s", test.text, got, test.want)
		}
	}
	// What is odd and no reason to lose the access.
	for _, o := range []over{{"sourceIPAddress": "999.1.2.3"}, {"userAgent": strings.Repeat("x", 2000)}, {"userAgent": "a\u0007b"}} {
		if got := say(merge(t, o)); strings.HasPrefix(got, "aside") || strings.HasSuffix(got, " 0") {
			t.Errorf("%v: %s", o, got)
		}
	}
	for _, o := range []over{{"eventID": nil}, {"sourceIPAddress": nil, "userAgent": nil}, {"requestParameters": "x"}, {"resources": over{}}} {
		if got := say(merge(t, o)); strings.HasPrefix(got, "aside") {
			t.Errorf("%v: %s", o, got)
		}
	}
}

// TestCover: of what is set aside nothing stays that could be used, wherever the
// text begins and breaks off.
func TestCover(t *testing.T) {
	const secret = "hunter2SECRET"
	text := string(merge(t, over{
		"errorCode":         "AccessDenied",
		"requestParameters": over{"masterUserPassword": secret, "list": []any{over{"eventName": "x " + secret, "k": secret}}, secret: 1},
		"responseElements":  over{"credentials": over{"sessionToken": secret + secret, "eventID": strings.Repeat(secret, 6)}, "n": 4815162342},
	}))
	for from := 0; from < len(text); from += 3 {
		for _, to := range []int{len(text), (from + len(text)) / 2} {
			b := []byte(text[from:to])
			(*Decoder)(nil).Cover(b)
			if len(b) != to-from {
				t.Fatal("the length changed")
			}
			if s := string(b); strings.Contains(s, "hunter") || strings.Contains(s, "SECRET") || strings.Contains(s, "481516") || strings.Contains(s, "kim") {
				t.Fatalf("from %d to %d: %s", from, to, s)
			}
		}
	}
	b := []byte(text)
	(*Decoder)(nil).Cover(b)
	for _, stays := range []string{`"eventName":"GetObject"`, `"errorCode":"AccessDenied"`, `"eventTime":"2025-03-10T00:00:01Z"`, `"eventID":"b9c3d881-`} {
		if !strings.Contains(string(b), stays) {
			t.Errorf("%s is covered: %s", stays, b)
		}
	}
}

// events cuts a file into its events.
func events(t testing.TB, name string) (out [][]byte) {
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	c := element.New(Key, 0)
	for _, e := range c.End(c.Feed(text, nil)) {
		if e.Broken {
			t.Fatalf("%s is broken at %d", name, e.From)
		}
		out = append(out, text[e.From:e.To])
	}
	return out
}

const (
	realSecrets = "../../testdata/real/cloudtrail/aws.credential-access.secretsmanager-retrieve-secrets.json"
	realLogin   = "../../testdata/real/cloudtrail/aws.initial-access.console-login-without-mfa.json"
)

// TestReal: events that AWS wrote.
func TestReal(t *testing.T) {
	secrets := events(t, realSecrets)
	calls := map[string]int{}
	for _, e := range secrets {
		if !Reads(e) {
			t.Errorf("not recognised: %s", e)
		}
		got := say(e)
		if !strings.Contains(got, "|IAMUser arn:aws:iam::903144391865:user/christophe|AKIA1JMTHE9ZMZMWG0MG |253.201.144.253  stratus-red-team_") || !strings.HasSuffix(got, "read 200 0") {
			t.Error(got)
		}
		path := strings.Fields(got[strings.Index(got, "|GET"):])[1]
		calls[strings.TrimRight(path, "0123456789")]++
	}
	if calls["/aws/secretsmanager/GetSecretValue/stratus-red-team-retrieve-secret-"] != 20 || calls["/aws/secretsmanager/ListSecrets"] != 1 || len(secrets) != 21 {
		t.Errorf("%v of %d", calls, len(secrets))
	}
	login := events(t, realLogin)
	want := "2024-08-02T08:53:24.000Z 865d9377-9c6b-4fd7-8aad-725e95f6a140|IAMUser arn:aws:iam::562283505220:user/stratus-red-team-nmfalu-jfzdtsvchl| |225.1.0.16  stratus-red-team_fccf7123-0651-41f5-b06c-460da5ee1c94|POST /aws/signin/ConsoleLogin 3|sign_in 200 0"
	if len(login) != 1 || say(login[0]) != want {
		t.Errorf("%s\nwant %s", say(login[0]), want)
	}
}

// FuzzDecode: whatever the bytes, a record or a cause; and what is set aside keeps
// its length.
func FuzzDecode(f *testing.F) {
	for _, name := range []string{realSecrets, realLogin} {
		f.Add(events(f, name)[0])
	}
	f.Add(merge(f, over{"eventSource": "dynamodb.amazonaws.com", "requestParameters": over{"tableName": "T", "key": over{"id": over{"S": "x"}}}}))
	f.Add(merge(f, over{"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole", "responseElements": over{"credentials": over{"accessKeyId": "ASIAX"}}}))
	f.Add([]byte(`{"detail":{"eventTime":"2025-03-10T00:00:00Z","detail":{}}}`))
	d := New(nil, now)
	cat, err := catalog.Parse("c.yaml", []byte("routes:\n  - {route: \"GET /aws/s3/GetObject/{bucket}/{key}\", items: []}\n"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var rec event.Record
		var req catalog.Request
		if err := d.Decode(text, &rec, &req); err != nil {
			if line.CauseText(err.Cause.Code, true) == err.Cause.Code {
				t.Fatalf("a cause without words: %v", err)
			}
			kept := append([]byte(nil), text...)
			d.Cover(kept)
			if len(kept) != len(text) {
				t.Fatal("covering changed the length")
			}
			return
		}
		if rec.Time == 0 || rec.Status == 0 || !strings.HasPrefix(req.URI, "/aws/") || line.Usable([]byte(rec.Credential.Token)) {
			t.Fatalf("%q %+v", text, req)
		}
		cat.Fill(&rec, req)
	})
}

func BenchmarkDecode(b *testing.B) {
	var texts [][]byte
	texts = append(texts, merge(b, nil))
	texts = append(texts, events(b, realSecrets)[:5]...)
	size := 0
	for i, s := range texts {
		var v any
		if err := json.Unmarshal(s, &v); err != nil {
			b.Fatal(err)
		}
		texts[i], _ = json.Marshal(v) // on one line, as CloudTrail delivers them
		size += len(texts[i])
	}
	d := New(nil, now)
	b.SetBytes(int64(size / len(texts)))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		var rec event.Record
		var req catalog.Request
		if err := d.Decode(texts[i%len(texts)], &rec, &req); err != nil {
			b.Fatal(err)
		}
		i++
	}
}
