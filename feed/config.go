package feed

import (
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/internal/remote"
	"github.com/haetae/haetae/internal/written"
)

// The numbers of this package; docs/feeds.md has them.
const (
	maxFeeds     = 64
	maxFileMiB   = 1 // of the settings
	maxFeedBytes = 64 << 20
	maxText      = 1000 // bytes of a name, a column, an address

	defaultEvery  = time.Hour
	defaultMaxAge = 24 * time.Hour
	defaultShrink = 50 // percent of the rows that may be missing
	minEvery      = 10 * time.Second
	maxEvery      = 7 * 24 * time.Hour
	maxMaxAge     = 366 * 24 * time.Hour
)

// Config is a file of feeds.
type Config struct {
	Feeds []Feed
	read  *written.Reader
}

// Feed says where one register comes from.
type Feed struct {
	Name string
	Kind detect.FeedKind
	List string // of a list: which %name% it fills

	// One of File, Folder and URL.
	File        string
	Folder      string
	Pattern     string // of the names in the folder
	URL         string
	URLFile     string
	Plain       bool // http to another machine is allowed
	TokenFile   string
	HeadersFile string
	CAFile      string

	Format  string            // csv or json
	Rows    string            // the key below which the rows of a JSON answer are
	Columns map[string]string // ours to theirs, where they are called otherwise
	LastDay bool              // left is the last day with access, not the first without

	Every  time.Duration // between two looks
	MaxAge time.Duration // beyond which it is stale
	Shrink int           // percent of the rows that may be missing at once
}

// columnsOf are what a row has, by kind; the first has to be there.
var columnsOf = map[detect.FeedKind][]string{
	detect.FeedKeys:     {"key", "purpose", "owner", "custodian", "custodian_since", "custodian_left", "created", "rotates_by", "retired"},
	detect.FeedHolders:  {"id", "team", "joined", "moved", "moved_from", "moved_to", "left"},
	detect.FeedList:     {"value"},
	detect.FeedRegister: {"account", "since"},
	detect.FeedHoldings: {"account", "person", "items", "relation"},
}

var kinds = []string{string(detect.FeedKeys), string(detect.FeedHolders), string(detect.FeedList), string(detect.FeedRegister), string(detect.FeedHoldings)}

// form is the file as it is written.
type form struct {
	Version string     `yaml:"version"`
	Feeds   []feedForm `yaml:"feeds"`
}

type feedForm struct {
	Name    string     `yaml:"name"`
	Kind    string     `yaml:"kind"`
	List    string     `yaml:"list"`
	From    fromForm   `yaml:"from"`
	Format  string     `yaml:"format"`
	Rows    string     `yaml:"rows"`
	Columns *yaml.Node `yaml:"columns"`
	LastDay bool       `yaml:"last_day"`
	Every   string     `yaml:"every"`
	MaxAge  string     `yaml:"max_age"`
	Shrink  *int       `yaml:"shrink"`
}

type fromForm struct {
	File        string `yaml:"file"`
	Folder      string `yaml:"folder"`
	Pattern     string `yaml:"pattern"`
	URL         string `yaml:"url"`
	URLFile     string `yaml:"url_file"`
	Plain       bool   `yaml:"plain"`
	TokenFile   string `yaml:"token_file"`
	HeadersFile string `yaml:"headers_file"`
	CAFile      string `yaml:"ca_file"`
}

// namePattern: a name is a word of ours that stands in files, labels and commands.
var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,39}$`)

var badName = written.Kind{Code: "name", KO: "이름은 영문 소문자, 숫자, -, _로 이루어지며 40자까지입니다", EN: "a name is made of small letters, digits, - and _, at most 40"}

// Parse reads a file of feeds. All mistakes come at once.
func Parse(name string, text []byte) (*Config, error) {
	r := &written.Reader{File: name, Places: true}
	c := &Config{read: r}
	var f form
	root := r.Document(text, maxFileMiB)
	if root == nil {
		return nil, r.Err()
	}
	r.Into(root, "", &f)
	switch {
	case f.Version == "" && !r.Has("version"):
		r.Failf(root, "version", "없습니다. version: 1로 쓰십시오", "is missing: version: 1")
	case f.Version != "1" && f.Version != "":
		r.FailAt("version", "이 haetae는 버전 1을 읽습니다", "this haetae reads version 1")
	}
	if len(f.Feeds) > maxFeeds {
		r.FailAt("feeds", "연계는 %d개까지입니다", "has more than %d feeds", maxFeeds)
	}
	for i := range f.Feeds {
		x := f.Feeds[i].feed(r, written.Index("feeds", i))
		if slices.ContainsFunc(c.Feeds, func(o Feed) bool { return o.Name == x.Name && x.Name != "" }) {
			r.FailAt(written.Index("feeds", i)+".name", "같은 이름의 연계가 두 번 있습니다", "the name stands twice")
		}
		c.Feeds = append(c.Feeds, x)
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	return c, nil
}

func (f *feedForm) feed(r *written.Reader, at string) Feed {
	key := func(k string) string { return written.Key(at, k) }
	missing := func(k string) {
		if !r.Has(key(k)) {
			r.Fail(r.At(at), key(k), written.Missing)
		}
	}
	x := Feed{
		Name: f.Name, Kind: detect.FeedKind(f.Kind), List: f.List, File: f.From.File, Folder: f.From.Folder, Pattern: f.From.Pattern,
		URL: f.From.URL, URLFile: f.From.URLFile, Plain: f.From.Plain, TokenFile: f.From.TokenFile, HeadersFile: f.From.HeadersFile,
		CAFile: f.From.CAFile, Format: f.Format, Rows: f.Rows, LastDay: f.LastDay, Shrink: defaultShrink,
	}
	switch {
	case f.Name == "":
		missing("name")
	case !namePattern.MatchString(f.Name):
		r.Fail(r.At(key("name")), key("name"), badName)
		x.Name = ""
	}
	columns := columnsOf[x.Kind]
	switch {
	case f.Kind == "":
		missing("kind")
	case columns == nil:
		r.Fail(r.At(key("kind")), key("kind"), written.NoWord, strings.Join(kinds, ", "))
	case x.Kind != detect.FeedList && f.List != "":
		r.FailAt(key("list"), "kind: list에만 쓸 수 있습니다", "is for kind: list alone")
	case x.Kind == detect.FeedList && f.List == "":
		x.List = f.Name
	}
	if x.LastDay && x.Kind != detect.FeedHolders {
		r.FailAt(key("last_day"), "kind: holders에만 쓸 수 있습니다", "is for kind: holders alone")
	}
	f.from(r, key("from"), &x)
	x.format(r, key)
	if f.Columns != nil && columns != nil {
		x.Columns = map[string]string{}
		for name, n := range r.Keys(f.Columns, key("columns"), columns...) {
			if s, ok := r.Text(n, written.Key(key("columns"), name), maxText); ok {
				x.Columns[name] = s
			}
		}
	}
	duration := func(k, s string, byDefault, least, most time.Duration) time.Duration {
		if s == "" {
			return byDefault
		}
		d, ok := written.Duration(s)
		if !ok || d < least || d > most {
			r.Fail(r.At(key(k)), key(k), written.NoDuration, written.ShortDuration(least), written.ShortDuration(most))
		}
		return d
	}
	x.Every = duration("every", f.Every, defaultEvery, minEvery, maxEvery)
	x.MaxAge = duration("max_age", f.MaxAge, max(defaultMaxAge, 2*x.Every), minEvery, maxMaxAge)
	if x.MaxAge < x.Every && !r.Has(key("max_age")) && !r.Has(key("every")) {
		r.FailAt(key("max_age"), "every보다 짧으면 갱신될 때마다 기한을 넘깁니다", "is shorter than every: it would be stale before each look")
	}
	if f.Shrink != nil {
		if x.Shrink = *f.Shrink; x.Shrink < 0 || x.Shrink > 100 {
			r.Fail(r.At(key("shrink")), key("shrink"), written.NoNumber, 0, 100)
		}
	}
	return x
}

func (f *feedForm) from(r *written.Reader, at string, x *Feed) {
	key := func(k string) string { return written.Key(at, k) }
	n := 0
	for _, s := range []string{x.File, x.Folder, x.URL, x.URLFile} {
		if s != "" {
			n++
		}
	}
	if n != 1 && !r.Has(at) {
		r.FailAt(at, "file, folder, url, url_file 가운데 하나를 쓰십시오", "needs one of file, folder, url and url_file")
	}
	web := x.URL != "" || x.URLFile != ""
	for k, s := range map[string]string{"token_file": x.TokenFile, "headers_file": x.HeadersFile, "ca_file": x.CAFile} {
		if s != "" && !web {
			r.FailAt(key(k), "url에만 쓸 수 있습니다", "goes with url alone")
		}
	}
	if x.Folder == "" && x.Pattern != "" {
		r.FailAt(key("pattern"), "folder에만 쓸 수 있습니다", "goes with folder alone")
	}
	if x.Folder != "" {
		if x.Pattern == "" {
			x.Pattern = "*"
		}
		if _, err := path.Match(x.Pattern, "x"); err != nil || strings.ContainsAny(x.Pattern, "/") {
			r.FailAt(key("pattern"), "파일 이름 모양이 아닙니다. staff-*.csv처럼 쓰십시오", "is no pattern of file names: write it like staff-*.csv")
		}
	}
	if x.URL == "" {
		return
	}
	if problem := remote.WrongShownURL(x.URL, x.Plain); problem != remote.Sound {
		r.FailAt(key("url"), problem.KO, problem.EN)
	}
}

// format is told by the name of the file where it is not said; over HTTP it is JSON.
func (f *Feed) format(r *written.Reader, key func(string) string) {
	switch f.Format {
	case "csv", "json":
	case "":
		f.Format = "csv"
		if f.URL != "" || f.URLFile != "" || strings.Contains(path.Ext(f.File+f.Pattern), "json") {
			f.Format = "json"
		}
	default:
		r.Fail(r.At(key("format")), key("format"), written.NoWord, "csv, json")
	}
	if f.Rows != "" && f.Format != "json" {
		r.FailAt(key("rows"), "format: json에만 쓸 수 있습니다", "is for format: json alone")
	}
}

// Load reads a file of feeds, and looks once into every file that it names for a
// secret, so that a mistake shows at the start.
func Load(name string) (*Config, error) {
	text, err := remote.ReadFile(name, maxFileMiB<<20+1)
	if err != nil {
		t := written.TextOf(err)
		return nil, written.Mistakes{{File: filepath.Base(name), Problem: t.EN, ProblemKO: t.KO}}
	}
	c, err := Parse(filepath.Base(name), text)
	if err != nil {
		return nil, err
	}
	r, dir := c.read.Again(), filepath.Dir(name)
	for i := range c.Feeds {
		f := &c.Feeds[i]
		for _, p := range []*string{&f.File, &f.Folder, &f.URLFile, &f.TokenFile, &f.HeadersFile, &f.CAFile} {
			if *p != "" && !filepath.IsAbs(*p) {
				*p = filepath.Join(dir, *p)
			}
		}
		at := written.Index("feeds", i) + ".from."
		look := func(key, file string, try func(string) error) {
			if file == "" {
				return
			}
			if err := try(file); err != nil {
				r.FailAt(at+key, "%s", "%s", written.TextOf(err))
			}
		}
		look("url_file", f.URLFile, func(string) error { _, err := f.address(); return err })
		look("token_file", f.TokenFile, func(s string) error { _, err := remote.Secret(s); return err })
		look("headers_file", f.HeadersFile, func(s string) error { _, err := headers(s); return err })
		look("ca_file", f.CAFile, func(s string) error { _, err := remote.Authorities(s); return err })
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	return c, nil
}
