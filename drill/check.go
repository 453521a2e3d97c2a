package drill

import (
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/internal/written"
)

// Words that a scenario may use.
var (
	Shapes      = []string{"members", "office", "night", "flat"}
	Formats     = []string{"nginx", "pgaudit", "cloudtrail"}
	Credentials = []string{"forged", "own", "guessed", "none", "issued"}
	Orders      = []string{"rising", "random", "spread"}
	Agents      = []string{"browser", "app", "script"}
	WhoseWords  = []string{"actor", "path", "list", "nobody"}
	ChangeKinds = []string{"sale_day", "key_rotation", "new_office", "migration"}
	FaultKinds  = []string{"retention", "silent", "late", "doubled", "skew", "missing"}
	Senders     = []string{"customer", "ransom", "police", "press", "authority", "whistleblower", "partner", "staff"}
	Severities  = []string{"informational", "low", "medium", "high", "critical"}
	actions     = []string{"sign_in", "issue", "export", "read"}
)

// Nobodys are the ranges of addresses that belong to nobody, so that no drill points
// at anybody.
var Nobodys = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("fd00::/8"),
}

var (
	badID     = written.Kind{Code: "id", KO: "소문자, 숫자, -로 된 40자 이내의 이름이어야 합니다", EN: "is not a name of small letters, digits and -, of at most 40"}
	noName    = written.Kind{Code: "unknown_name", KO: "이 시나리오의 %s에 없는 이름입니다", EN: "is no name under %s of this scenario"}
	notAfter  = written.Kind{Code: "order", KO: "from보다 뒤여야 합니다", EN: "is not after from"}
	bothWords = written.Kind{Code: "both_languages", KO: "ko와 en을 모두 적으십시오", EN: "needs ko and en"}
)

var idPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

// checker holds what a check needs at every place.
type checker struct {
	s *Scenario
	r *written.Reader
}

// check finds what is wrong beyond each single value.
func (s *Scenario) check() {
	c := checker{s, s.read}
	if s.Version != 1 {
		c.fail("version", written.NoWord, "1")
	}
	c.id("id", s.ID)
	if s.ID+".yaml" != path.Base(s.read.File) {
		c.r.FailAt("id", "파일 이름과 같아야 합니다", "is not the name of the file")
	}
	if s.Scale < 1 || s.Scale > 100_000 {
		c.fail("scale", written.NoNumber, 1, 100_000)
	}
	c.text("title", s.Title)
	c.text("summary", s.Summary)
	for i, t := range s.Unsettled {
		c.text(written.Index("unsettled", i), t)
	}
	c.span("", s.From, s.To, true)
	checkFigures(c.r, &s.Figures, &s.Sources)
	for i, name := range s.Figures.Names {
		if !slices.Contains(s.used, name) {
			c.r.FailAt(written.Index("figures", i), "이 수를 쓰는 곳이 없습니다", "is used nowhere")
		}
	}
	c.population()
	c.things()
	for i := range s.Background {
		c.traffic(written.Index("background", i), &s.Background[i])
	}
	for i := range s.Changes {
		c.change(written.Index("changes", i), &s.Changes[i])
	}
	for i := range s.Attack {
		c.phase(written.Index("attack", i), &s.Attack[i])
	}
	for i := range s.Faults {
		c.fault(written.Index("faults", i), &s.Faults[i])
	}
	c.told()
}

func (c checker) fail(field string, k written.Kind, args ...any) {
	c.r.Fail(c.r.At(field), field, k, args...)
}

var (
	keyPattern  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,39}$`)
	itemPattern = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)
	logPattern  = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,39}$`)
)

// named checks a name that becomes one of a catalog.
func (c checker) named(field, s string, p *regexp.Regexp) {
	if !p.MatchString(s) {
		c.fail(field, badID)
	}
}

func (c checker) id(field, s string) {
	if !idPattern.MatchString(s) {
		c.fail(field, badID)
	}
}

func (c checker) text(field string, t Text) {
	if (t.KO == "") || (t.EN == "") {
		c.fail(field, bothWords)
	}
}

func (c checker) word(field, s string, known []string, needed bool) {
	if s == "" && !needed {
		return
	}
	if !slices.Contains(known, s) {
		c.fail(field, written.NoWord, strings.Join(known, ", "))
	}
}

// name checks that something of that name exists.
func (c checker) name(field, s, table string, has func(string) bool, needed bool) {
	if s == "" && !needed {
		return
	}
	if !has(s) {
		c.fail(field, noName, table)
	}
}

func (c checker) span(field string, from, to Moment, needed bool) {
	f, t := written.Key(field, "from"), written.Key(field, "to")
	if needed && from.IsZero() {
		c.fail(f, written.Missing)
	}
	if needed && to.IsZero() {
		c.fail(t, written.Missing)
	}
	if !from.IsZero() && !to.IsZero() && !to.After(from.Time) {
		c.fail(t, notAfter)
	}
	s := c.s
	for _, m := range []struct {
		field string
		Moment
	}{{f, from}, {t, to}} {
		if !m.IsZero() && field != "" && (m.Before(s.From.Time) || m.After(s.To.Time)) {
			c.r.FailAt(m.field, "시나리오의 기간을 벗어납니다", "lies outside the scenario")
		}
	}
}

func (c checker) need(field string, a Amount) {
	if !a.Given() {
		c.fail(field, written.Missing)
	}
}

func (c checker) duration(field, s string, needed bool) {
	if s == "" && !needed {
		return
	}
	if d, err := time.ParseDuration(s); err != nil || d <= 0 {
		c.r.FailAt(field, "90s, 2h 같은 시간이 아닙니다", "is no time such as 90s or 2h")
	}
}

// checkFigures checks that each figure says where it is from. sources may be nil.
func checkFigures(r *written.Reader, figures *Table[*Figure], sources *Table[string]) {
	c := checker{&Scenario{}, r}
	if sources != nil {
		c.s.Sources = *sources
	}
	for i, f := range figures.All() {
		at := written.Index("figures", i)
		said := 0
		if f.Invented != (Text{}) {
			said++
			c.text(at+".invented", f.Invented)
		}
		if f.Calc != (Text{}) {
			said++
			c.text(at+".calc", f.Calc)
		} else if len(f.Source) > 0 {
			said++
		}
		if said != 1 || f.Invented != (Text{}) && len(f.Source) > 0 {
			r.FailAt(at, "source, calc, invented 가운데 하나로 수의 근거를 밝히십시오", "says where it is from by one of source, calc and invented")
		}
		if f.Uncertain != (Text{}) {
			c.text(at+".uncertain", f.Uncertain)
		}
		if f.Unit == "" {
			c.fail(at+".unit", written.Missing)
		}
		c.sources(at+".source", f.Source)
	}
}

func (c checker) sources(field string, names []string) {
	for i, n := range names {
		c.name(written.Index(field, i), n, "sources", c.s.Sources.Has, true)
	}
}

func (c checker) population() {
	p := &c.s.Population
	if p.Digits < 1 || p.Digits > 18 {
		c.fail("population.digits", written.NoNumber, 1, 18)
	}
	if !regexp.MustCompile(`^[a-z]{1,8}$`).MatchString(p.Prefix) || p.Prefix == "c" {
		c.r.FailAt("population.prefix", "소문자 1-8자여야 하고, c는 쓸 수 없습니다", "is not 1 to 8 small letters, or is c")
	}
	c.need("population.accounts", p.Accounts)
	c.need("population.first", p.First)
}

func (c checker) things() {
	s := c.s
	if len(s.Items.Names) > MostItems {
		c.fail("items", written.NoNumber, 1, MostItems)
	}
	for i, it := range s.Items.All() {
		at := written.Index("items", i)
		c.text(at, Text{it.KO, it.EN})
		c.named(at, s.Items.Names[i], itemPattern)
		if _, ok := catalog.ParseClass(it.Class); !ok {
			c.fail(at+".class", written.NoWord, classWords())
		}
		if it.Among != nil && s.reads(it.Among.Phase, it.Among.Page) == nil {
			c.fail(at+".among", noName, "attack")
		}
	}
	for i, n := range s.Networks.All() {
		at := written.Index("networks", i)
		p, err := netip.ParsePrefix(n.CIDR)
		if err != nil || !slices.ContainsFunc(Nobodys, func(r netip.Prefix) bool { return r.Bits() <= p.Bits() && r.Contains(p.Addr()) }) {
			c.r.FailAt(at+".cidr", "아무에게도 속하지 않는 대역(10/8, 100.64/10, 198.18/15, 240/4, 문서용)이어야 합니다", "is no range that belongs to nobody (10/8, 100.64/10, 198.18/15, 240/4, those for documentation)")
		}
		c.need(at+".addresses", n.Addresses)
	}
	for i, l := range s.Logs.All() {
		at := written.Index("logs", i)
		c.word(at+".format", l.Format, Formats, true)
		c.named(at, s.Logs.Names[i], logPattern)
		c.duration(at+".cadence", l.Cadence, false)
	}
	for i, p := range s.Pages.All() {
		c.page(written.Index("pages", i), p)
	}
	for i, a := range s.Actors.All() {
		at := written.Index("actors", i)
		c.word(at+".type", a.Type, []string{"staff", "partner", "service"}, true)
		c.need(at+".count", a.Count)
		c.name(at+".network", a.Network, "networks", s.Networks.Has, true)
		if a.Prefix == "" {
			c.fail(at+".prefix", written.Missing)
		} else if a.Prefix == s.Population.Prefix {
			c.r.FailAt(at+".prefix", "회원번호의 앞글자와 달라야 합니다", "is the prefix of the members")
		}
		c.name(at+".key", a.Key, "keys", s.hasKey, false)
	}
	for i, k := range s.Keys {
		at := written.Index("keys", i)
		c.named(at+".id", k.ID, keyPattern)
		if k.Until.IsZero() {
			continue
		}
		if !k.Until.After(k.From.Time) {
			c.fail(at+".until", notAfter)
		}
	}
}

func (c checker) page(at string, p *Page) {
	s := c.s
	c.name(at+".log", p.Log, "logs", s.Logs.Has, true)
	for i, it := range p.Items {
		c.name(written.Index(at+".items", i), it, "items", s.Items.Has, true)
	}
	for it := range p.Columns {
		if !slices.Contains(p.Items, it) {
			c.fail(at+".columns", noName, "items")
		}
	}
	c.word(at+".whose", p.Whose, WhoseWords, len(p.Items) > 0)
	c.word(at+".does", p.Does, actions, false)
	format := ""
	if l := s.Logs.Of[p.Log]; l != nil {
		format = l.Format
	}
	for _, f := range []struct{ format, key, value string }{
		{"nginx", "request", p.Request}, {"pgaudit", "table", p.Table}, {"cloudtrail", "object", p.Object},
	} {
		if (format == f.format) != (f.value != "") {
			c.r.FailAt(written.Key(at, f.key), "%s 로그의 페이지에만 적습니다", "belongs to a page of a log of format %s, and to no other", f.format)
		}
	}
	if method, p, ok := strings.Cut(p.Request, " "); format == "nginx" && (!ok || method == "" || !strings.HasPrefix(p, "/")) {
		c.r.FailAt(at+".request", "GET /my/profile처럼 적으십시오", "is not written like GET /my/profile")
	}
	if p.Whose == "path" && !strings.Contains(p.Request+p.Object, "{account}") && p.Table == "" {
		c.r.FailAt(at+".whose", "{account}가 없습니다", "there is no {account}")
	}
	switch parts := len(strings.Split(p.Table, ".")); {
	case format != "pgaudit" || p.Table == "":
	case (p.Does == "sign_in" || p.Does == "issue") && parts != 1:
		c.r.FailAt(at+".table", "로그인에는 데이터베이스 이름만 적습니다", "is the name of a database alone, for a sign-in")
	case p.Does != "sign_in" && p.Does != "issue" && parts != 3:
		c.r.FailAt(at+".table", "database.schema.table처럼 적으십시오", "is not written like database.schema.table")
	}
	if format == "cloudtrail" && p.Does != "sign_in" && !strings.Contains(p.Object, "/") && p.Object != "" {
		c.r.FailAt(at+".object", "bucket/key처럼 적으십시오", "is not written like bucket/key")
	}
	if format != "nginx" && p.Whose == "actor" || format == "cloudtrail" && p.Whose == "list" || p.Whose == "list" && p.Does == "export" && format == "pgaudit" {
		c.r.FailAt(at+".whose", "이 형식의 로그로는 알 수 없습니다", "is nothing that a log of this format says")
	}
	if (p.Whose == "nobody" || p.Whose == "list") && !p.Rows.Given() {
		c.fail(at+".rows", written.Missing)
	}
}

func classWords() string {
	var out []string
	for _, c := range catalog.Classes() {
		out = append(out, c.String())
	}
	return strings.Join(out, ", ")
}

// group says whether a name is a group of those who read.
func (c checker) group(name string) bool {
	return name == "members" || name == "nobody" || c.s.Actors.Has(name)
}

func (c checker) traffic(at string, t *Traffic) {
	s := c.s
	c.name(at+".who", t.Who, "actors", c.group, true)
	c.span(at, t.From, t.To, false)
	if t.Daily != "" {
		if _, err := time.Parse("15:04", t.Daily); err != nil {
			c.r.FailAt(at+".daily", "03:10 같은 시각이 아닙니다", "is no time of day such as 03:10")
		}
	} else {
		c.need(at+".a_day", t.Day)
		c.word(at+".shape", t.Shape, Shapes, true)
	}
	for i, st := range t.Steps {
		c.name(written.Index(at+".steps", i)+".page", st.Page, "pages", s.Pages.Has, true)
		c.need(written.Index(at+".steps", i)+".times", st.Times)
	}
	c.name(at+".sign_in", t.SignIn, "pages", s.Pages.Has, false)
	c.name(at+".refresh", t.Refresh, "pages", s.Pages.Has, false)
	c.name(at+".network", t.Network, "networks", s.Networks.Has, !s.Actors.Has(t.Who))
	c.word(at+".agent", t.Agent, Agents, true)
}

func (c checker) change(at string, x *Change) {
	s := c.s
	c.word(at+".kind", x.Kind, ChangeKinds, true)
	c.text(at+".name", x.Name)
	c.span(at, x.From, x.To, false)
	switch x.Kind {
	case "sale_day":
		c.need(at+".factor", x.Factor)
		c.span(at, x.From, x.To, true)
	case "key_rotation":
		c.name(at+".key", x.Key, "keys", s.hasKey, true)
	case "new_office":
		c.name(at+".who", x.Who, "actors", s.Actors.Has, true)
		c.name(at+".network", x.Network, "networks", s.Networks.Has, true)
	}
}

func (s *Scenario) hasKey(id string) bool {
	return slices.ContainsFunc(s.Keys, func(k Key) bool { return k.ID == id })
}

func (c checker) phase(at string, p *Phase) {
	s := c.s
	c.id(at+".name", p.Name)
	c.text(at+".what", p.What)
	c.span(at, p.From, p.To, true)
	c.word(at+".credential", p.Credential, Credentials, true)
	c.word(at+".order", p.Order, Orders, false)
	c.word(at+".shape", p.Shape, Shapes, false)
	c.word(at+".agent", p.Agent, Agents, true)
	c.name(at+".network", p.Network, "networks", s.Networks.Has, true)
	c.name(at+".key", p.Key, "keys", s.hasKey, p.Credential == "forged")
	c.name(at+".who", p.Who, "actors", c.group, p.Credential == "own" || p.Credential == "issued")
	c.name(at+".sign_in", p.SignIn, "pages", s.Pages.Has, p.Credential == "guessed")
	if p.Credential == "guessed" {
		c.need(at+".tries", p.Tries)
		c.need(at+".hits", p.Hits)
	}
	if p.GhostStatus != 0 && !slices.Contains([]int{200, 401, 403, 404}, p.GhostStatus) {
		c.fail(at+".ghost_status", written.NoWord, "200, 401, 403, 404")
	}
	if p.Accounts.Value() > s.Population.Accounts.Value() {
		c.r.FailAt(at+".accounts", "회원보다 많습니다", "is more than there are accounts")
	}
	for i, r := range p.Pages {
		f := written.Index(at+".pages", i)
		c.means(f+".page", p, s.Pages.Of[r.Page])
		c.name(f+".page", r.Page, "pages", s.Pages.Has, true)
		c.need(f+".reads", r.Reads)
		if pg := s.Pages.Of[r.Page]; pg != nil && pg.Whose == "nobody" {
			c.need(f+".reaches", r.Reaches)
		}
	}
	if !p.Peak.IsZero() {
		c.need(at+".peak_reads", p.PeakReads)
	}
}

// means checks that a page can be read with the credential of a phase.
func (c checker) means(field string, p *Phase, pg *Page) {
	if pg == nil || c.s.Logs.Of[pg.Log] == nil {
		return
	}
	own := p.Credential == "forged" || p.Credential == "guessed" || p.Credential == "own" && p.Who == "members"
	format := c.s.Logs.Of[pg.Log].Format
	if pg.Whose == "actor" && !own {
		c.r.FailAt(field, "본인의 페이지이므로 회원의 인증정보가 필요합니다", "is a page of whoever is signed in, which takes a member's credential")
	}
	if p.Credential == "guessed" && (pg.Whose == "list" || pg.Whose == "nobody") {
		c.r.FailAt(field, "추측한 비밀번호로는 본인이나 경로의 페이지만 읽습니다", "is not of the actor or the path, which guessed passwords read")
	}
	if format != "nginx" && own || format == "pgaudit" && p.Credential == "none" {
		c.r.FailAt(field, "이 인증정보로는 읽을 수 없는 로그의 페이지입니다", "is a page of a log that knows no such credential")
	}
	if p.Ghosts.Given() && pg == c.s.Pages.Of[p.Pages[0].Page] && pg.Whose != "actor" && pg.Whose != "path" {
		c.r.FailAt(field, "없는 회원번호를 시도하는 첫 페이지는 actor나 path여야 합니다", "is the page on which numbers that are nobody's are tried: it is of the actor or the path")
	}
}

func (c checker) fault(at string, f *Fault) {
	c.word(at+".kind", f.Kind, FaultKinds, true)
	c.name(at+".log", f.Log, "logs", c.s.Logs.Has, f.Kind != "retention")
	c.text(at+".what", f.What)
	switch f.Kind {
	case "retention":
		for _, m := range []struct {
			key string
			Moment
		}{{"at", f.At}, {"before", f.Before}} {
			if m.IsZero() {
				c.fail(written.Key(at, m.key), written.Missing)
			}
		}
	case "silent", "missing":
		c.span(at, f.From, f.To, true)
	case "late":
		c.need(at+".share", f.Share)
		c.duration(at+".by", f.By, true)
	case "doubled":
		c.need(at+".share", f.Share)
	case "skew":
		c.duration(at+".by", f.By, true)
	}
}

// told checks what stands beside the score.
func (c checker) told() {
	s := c.s
	for i, o := range s.Outside {
		at := written.Index("outside", i)
		c.word(at+".kind", o.Kind, Senders, true)
		c.text(at+".what", o.What)
		c.sources(at+".source", o.Source)
		if o.At.IsZero() {
			c.fail(at+".at", written.Missing)
		}
		for j, cl := range o.Claims {
			f := written.Index(at+".claims", j)
			c.name(f+".item", cl.Item, "items", s.Items.Has, true)
			c.word(f+".of", cl.Of, []string{"people", "reads"}, true)
			c.need(f+".amount", cl.Amount)
		}
	}
	if len(s.Attack) > 0 {
		c.text("reality.by", s.Reality.By)
		c.sources("reality.source", s.Reality.Source)
		if len(s.Question) == 0 {
			c.fail("question", written.Missing)
		}
	}
	for i, n := range s.Reality.Counts {
		at := written.Index("reality.counts", i)
		c.text(at+".of", n.Of)
		c.text(at+".by", n.By)
		c.need(at+".number", n.Number)
		c.sources(at+".source", n.Source)
	}
	for i, r := range s.Expect.Rings {
		at := written.Index("expect.rings", i)
		c.name(at+".phase", r.Phase, "attack", func(n string) bool {
			return slices.ContainsFunc(s.Attack, func(p Phase) bool { return p.Name == n })
		}, true)
		c.word(at+".severity", r.Severity, Severities, true)
		if r.By.IsZero() {
			c.fail(at+".by", written.Missing)
		}
	}
	for i, t := range s.Expect.Blind {
		c.text(written.Index("expect.blind", i), t)
	}
}
