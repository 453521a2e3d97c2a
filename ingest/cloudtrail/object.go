package cloudtrail

import (
	"bytes"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/ingest/element"
)

// request makes the path of a call: the service, the name of the call, and what it
// was about.
func (d *Decoder) request(req *catalog.Request) {
	ev := &d.ev
	req.Method = "POST"
	if answers[string(ev.name)] || ev.onlyReads() {
		req.Method = "GET"
	}
	req.Does, req.Says = ev.does(), true
	service := ev.source
	if i := bytes.Index(service, []byte(".amazonaws.com")); i > 0 {
		service = service[:i]
	}
	d.uri = append(d.uri[:0], "/aws"...)
	d.add(service)
	d.add(ev.name)
	if isName(service) && isName(ev.name) {
		req.Words = 3
	}
	switch string(service) {
	case "s3":
		d.s3()
	case "dynamodb":
		d.dynamodb()
	case "secretsmanager":
		d.add(secretName(member(ev.parameters, "secretId")))
	case "rdsdata", "rds-data":
		d.add(resource(member(ev.parameters, "resourceArn")))
		d.add(member(ev.parameters, "database"))
	case "kms":
		id := ev.resource("AWS::KMS::Key")
		if id == nil {
			id = resource(member(ev.parameters, "keyId"))
		}
		d.add(id)
	case "ssm":
		if name := member(ev.parameters, "name"); name != nil {
			d.add(resource(name))
		}
	case "sts":
		d.add(resource(member(ev.parameters, "roleArn")))
	case "lambda":
		d.add(resource(member(ev.parameters, "functionName")))
	default:
		d.add(ev.resource(""))
	}
	req.URI = d.keep(d.uri)
}

// isName holds for what AWS calls a service or a call. A shape keeps these, so they
// must not be long, or hold what somebody else may have written.
func isName(s []byte) bool {
	if len(s) == 0 || len(s) > 64 {
		return false
	}
	for i, c := range s {
		if c|0x20 >= 'a' && c|0x20 <= 'z' || i > 0 && (c >= '0' && c <= '9' || c == '-' || c == '_') {
			continue
		}
		return false
	}
	return true
}

// s3 adds the bucket and the object's key, and as a parameter the last part of the
// key without its ending: invoices/m1000042.pdf names an account, too.
func (d *Decoder) s3() {
	p := d.ev.parameters
	bucket, key := resource(member(p, "bucketName")), member(p, "key")
	if bucket == nil {
		if arn := d.ev.resource("AWS::S3::Object"); arn != nil {
			bucket, key, _ = bytes.Cut(arn, []byte("/"))
		} else {
			bucket = d.ev.resource("AWS::S3::Bucket")
		}
	}
	d.add(bucket)
	d.add(key)
	if bucket == nil || key == nil {
		return
	}
	stem := key[bytes.LastIndexByte(key, '/')+1:]
	if i := bytes.IndexByte(stem, '.'); i > 0 {
		stem = stem[:i]
	}
	d.parameter('?', []byte("stem"), stem)
}

// resource gives what an arn names, without its kind: of
// arn:aws:rds:ap-northeast-2:123456789012:cluster:shop it is "shop". What is no arn
// is the name itself.
func resource(s []byte) []byte {
	if !bytes.HasPrefix(s, []byte("arn:")) {
		return s
	}
	for range 5 {
		i := bytes.IndexByte(s, ':')
		if i < 0 {
			return s
		}
		s = s[i+1:]
	}
	for _, kind := range kinds {
		if len(s) > len(kind) && bytes.HasPrefix(s, []byte(kind)) {
			return s[len(kind):]
		}
	}
	return s
}

// kinds are what stands in an arn before the name of a thing.
var kinds = []string{"table/", "key/", "role/", "cluster:", "secret:", "function:", "parameter/", "user/", "assumed-role/", "alias/"}

// secretName takes off the six characters that an arn has behind a secret's name.
func secretName(s []byte) []byte {
	name := resource(s)
	if n := len(name) - 7; n > 0 && len(name) != len(s) && name[n] == '-' {
		for _, c := range name[n+1:] {
			if !(c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9') {
				return name
			}
		}
		return name[:n]
	}
	return name
}

// resource gives the one thing of a kind, or of any, that an event was about; nil
// where there are several.
func (ev *call) resource(kind string) []byte {
	var found []byte
	for _, r := range element.Elements(ev.resources, 100) {
		arn := member(r, "ARN")
		if arn == nil {
			arn = member(r, "arn")
		}
		if arn == nil || kind != "" && !bytes.Equal(member(r, "type"), []byte(kind)) {
			continue
		}
		if found != nil && !bytes.Equal(found, arn) {
			return nil
		}
		found = arn
	}
	return resource(found)
}

// add adds a name, which may be several segments.
func (d *Decoder) add(name []byte) {
	if len(name) == 0 {
		return
	}
	if name[0] != '/' {
		d.uri = append(d.uri, '/')
	}
	from := len(d.uri)
	for _, c := range name {
		switch c {
		case '%', '?', '#', ';':
			d.escape(c)
		case '/':
			d.dots(from)
			d.uri = append(d.uri, c)
			from = len(d.uri)
		default:
			d.uri = append(d.uri, c)
		}
	}
	d.dots(from)
}

// dots keeps a part of a key that is "." or ".." from being taken for a step: in a
// path it would be one, in a key it is a name.
func (d *Decoder) dots(from int) {
	switch string(d.uri[from:]) {
	case ".", "..":
		d.uri = append(d.uri[:from], "…"...)
	}
}

func (d *Decoder) parameter(mark byte, name, value []byte) {
	d.uri = append(d.uri, mark)
	d.query(name)
	d.uri = append(d.uri, '=')
	d.query(value)
}

func (d *Decoder) query(s []byte) {
	for _, c := range s {
		switch c {
		case '%', '#', '&', '=', '+', ' ':
			d.escape(c)
		default:
			d.uri = append(d.uri, c)
		}
	}
}

const hex = "0123456789ABCDEF"

func (d *Decoder) escape(c byte) { d.uri = append(d.uri, '%', hex[c>>4], hex[c&15]) }
