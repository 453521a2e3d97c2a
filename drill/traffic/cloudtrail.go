package traffic

import (
	"strconv"
	"time"

	"github.com/haetae/haetae/drill"
)

var utc = time.UTC

// Accounts of AWS that are made up: ours, and that of a partner.
const (
	awsAccount     = "111122223333"
	partnerAccount = "444455556666"
)

// cloudtrailLine writes an event on a line of its own.
func cloudtrailLine(m *Maker, l *writtenLog, r *row, b []byte) []byte {
	p := m.pages[r.page]
	x := drill.Mix(r.seq ^ m.seed)
	signIn := p.does == "sign_in" || p.does == "issue"
	kind := ""
	if r.group != nobody {
		kind = m.groups[r.group].kind
	}
	role := signIn && kind == "service"
	b = append(b, `{"eventVersion":"1.09","userIdentity":`...)
	b = m.identity(b, r, kind, role)
	b = append(b, `,"eventTime":"`...)
	at := l.clock(r.at)
	l.stamp.of(at, utc, "2006-01-02T15:04:", "Z")
	b = l.stamp.appendTo(b, at, false)
	switch {
	case role:
		b = append(b, `","eventSource":"sts.amazonaws.com","eventName":"AssumeRole","awsRegion":"ap-northeast-2","sourceIPAddress":"`...)
	case signIn:
		b = append(b, `","eventSource":"signin.amazonaws.com","eventName":"ConsoleLogin","awsRegion":"ap-northeast-2","sourceIPAddress":"`...)
	default:
		b = append(b, `","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"ap-northeast-2","sourceIPAddress":"`...)
	}
	if role {
		b = append(b, "ec2.amazonaws.com"...)
	} else {
		b = m.nets[r.net].appendAddress(b, r.addr)
	}
	b = append(b, `","userAgent":"`...)
	if role {
		b = append(b, "ec2.amazonaws.com"...)
	} else {
		b = append(append(append(b, '['), agentOf(&awsAgents, r)...), ']')
	}
	b = append(b, '"')
	switch {
	case role:
		b = m.assumed(b, r, p)
	case signIn:
		b = consoleLogin(b, r)
	default:
		b = m.object(b, r, p, x)
	}
	b = append(b, `,"requestID":"`...)
	b = append(appendUpper(b, x), `","eventID":"`...)
	b = m.appendUUID(b, r.seq)
	switch {
	case role:
		b = append(b, `","readOnly":true,"eventType":"AwsApiCall","managementEvent":true,"eventCategory":"Management"`...)
	case signIn:
		b = append(b, `","readOnly":false,"eventType":"AwsConsoleSignIn","managementEvent":true,"eventCategory":"Management"`...)
	default:
		b = append(b, `","readOnly":true,"eventType":"AwsApiCall","managementEvent":false,"eventCategory":"Data"`...)
	}
	return append(b, `,"recipientAccountId":"`+awsAccount+"\"}\n"...)
}

// identity writes who called: staff are users, services the session of a role, partners
// of another account, and without any of these it is the public.
func (m *Maker) identity(b []byte, r *row, kind string, role bool) []byte {
	switch {
	case role:
		return append(b, `{"type":"AWSService","invokedBy":"ec2.amazonaws.com"}`...)
	case kind == "staff":
		b = append(b, `{"type":"IAMUser","principalId":"AIDA`...)
		b = appendUpper(b, drill.Mix(uint64(r.actor)))
		b = append(b, `","arn":"`...)
		b = m.appendARN(b, r)
		b = append(b, `","accountId":"`+awsAccount+`","accessKeyId":"`...)
		b = m.accessKey(b, r)
		b = append(b, `","userName":"`...)
		return append(m.appendWho(b, r), `"}`...)
	case kind == "service":
		b = append(b, `{"type":"AssumedRole","principalId":"AROA`...)
		b = appendUpper(b, drill.Mix(uint64(r.actor)))
		b = append(m.appendWho(append(b, ':'), r), `","arn":"`...)
		b = m.appendARN(b, r)
		b = append(b, `","accountId":"`+awsAccount+`","accessKeyId":"`...)
		b = session4(b, r.token)
		b = append(b, `","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROA`...)
		b = appendUpper(b, drill.Mix(uint64(r.actor)))
		b = append(b, `","arn":"arn:aws:iam::`+awsAccount+`:role/`...)
		b = append(m.appendWho(b, r), `","accountId":"`+awsAccount+`","userName":"`...)
		b = append(m.appendWho(b, r), `"},"attributes":{"creationDate":"`...)
		b = time.UnixMilli(r.began).UTC().AppendFormat(b, time.RFC3339)
		return append(b, `","mfaAuthenticated":"false"}}}`...)
	case kind == "partner":
		b = append(b, `{"type":"AWSAccount","principalId":"AIDA`...)
		b = appendUpper(b, drill.Mix(uint64(r.actor)))
		b = append(m.appendWho(append(b, ':'), r), `","accountId":"`+partnerAccount+`"}`...)
		return b
	}
	return append(b, `{"type":"AWSAccount","principalId":"","accountId":"ANONYMOUS_PRINCIPAL"}`...)
}

// appendARN writes what a record of CloudTrail calls the actor.
func (m *Maker) appendARN(b []byte, r *row) []byte {
	switch m.groups[r.group].kind {
	case "staff":
		return m.appendWho(append(b, "arn:aws:iam::"+awsAccount+":user/"...), r)
	case "service":
		b = m.appendWho(append(b, "arn:aws:sts::"+awsAccount+":assumed-role/"...), r)
		return m.appendWho(append(b, '/'), r)
	}
	b = appendUpper(append(b, "AIDA"...), drill.Mix(uint64(r.actor)))
	return m.appendWho(append(b, ':'), r)
}

// accessKey writes the key of a user: the one that the scenario names, or its own.
func (m *Maker) accessKey(b []byte, r *row) []byte {
	if r.key != nobody && (r.phase != nobody && m.phases[r.phase].key != nobody || m.groups[r.group].key != nobody) {
		return append(b, m.keys[r.key].id...)
	}
	return appendUpper(append(b, "AKIA"...), drill.Mix(m.seed^uint64(r.actor)<<8^uint64(r.group)))
}

// session4 writes the id of a session's key.
func session4(b []byte, token uint64) []byte { return appendUpper(append(b, "ASIA"...), token) }

// appendUpper writes 16 characters as keys of AWS have.
func appendUpper(b []byte, x uint64) []byte {
	const digits = "ABCDEFGHIJKLMNOP"
	for s := 60; s >= 0; s -= 4 {
		b = append(b, digits[x>>s&15])
	}
	return b
}

// appendUUID writes the id of an event.
func (m *Maker) appendUUID(b []byte, seq uint64) []byte {
	var room [32]byte
	h := m.appendID(room[:0], seq)
	for i, n := range [...]int{8, 12, 16, 20, 32} {
		from := [...]int{0, 8, 12, 16, 20}[i]
		if i > 0 {
			b = append(b, '-')
		}
		b = append(b, h[from:n]...)
	}
	return b
}

func consoleLogin(b []byte, r *row) []byte {
	if r.status != 200 {
		return append(b, `,"errorMessage":"Failed authentication","requestParameters":null,"responseElements":{"ConsoleLogin":"Failure"},"additionalEventData":{"LoginTo":"https://console.aws.amazon.com/console/home","MobileVersion":"No","MFAUsed":"No"}`...)
	}
	return append(b, `,"requestParameters":null,"responseElements":{"ConsoleLogin":"Success"},"additionalEventData":{"LoginTo":"https://console.aws.amazon.com/console/home","MobileVersion":"No","MFAUsed":"Yes"}`...)
}

// assumed writes that a service took its role, and the session it was given.
func (m *Maker) assumed(b []byte, r *row, _ *page) []byte {
	if r.status != 200 {
		b = append(b, `,"errorCode":"AccessDenied","errorMessage":"not authorized to perform sts:AssumeRole"`...)
	}
	b = append(b, `,"requestParameters":{"roleArn":"arn:aws:iam::`+awsAccount+`:role/`...)
	b = append(m.appendWho(b, r), `","roleSessionName":"`...)
	b = append(m.appendWho(b, r), `"},"responseElements":`...)
	if r.status != 200 {
		return append(b, "null"...)
	}
	b = append(b, `{"credentials":{"accessKeyId":"`...)
	b = session4(b, r.token)
	b = append(b, `","expiration":"`...)
	b = time.UnixMilli(r.at+hour).UTC().AppendFormat(b, time.RFC3339)
	return append(b, `","sessionToken":"HIDDEN_DUE_TO_SECURITY_REASONS"}}`...)
}

// object writes which object was read.
func (m *Maker) object(b []byte, r *row, p *page, x uint64) []byte {
	if r.status != 200 {
		b = append(b, `,"errorCode":"`...)
		switch r.status {
		case 401, 403:
			b = append(b, `AccessDenied","errorMessage":"Access Denied"`...)
		default:
			b = append(b, `NoSuchKey","errorMessage":"The specified key does not exist."`...)
		}
	}
	b = append(b, `,"requestParameters":{"bucketName":"`...)
	b = append(append(b, p.bucket...), `","Host":"`...)
	b = append(append(b, p.bucket...), `.s3.ap-northeast-2.amazonaws.com","key":"`...)
	b = m.appendParts(b, p.parts, r, x)
	b = append(b, `"},"responseElements":null,"additionalEventData":{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":0,"AuthenticationMethod":"AuthHeader","bytesTransferredOut":`...)
	b = strconv.AppendUint(b, bodySize(p, r, x), 10)
	b = append(b, `},"resources":[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::`...)
	b = append(append(b, p.bucket...), '/')
	b = m.appendParts(b, p.parts, r, x)
	b = append(b, `"},{"accountId":"`+awsAccount+`","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::`...)
	return append(append(b, p.bucket...), `"}]`...)
}
