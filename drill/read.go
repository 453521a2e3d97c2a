package drill

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/haetae/haetae/internal/written"
)

// maxMiB is far above any scenario.
const maxMiB = 4

// commonFile holds figures that several scenarios of a folder use: how often a visit
// sees a page, how many addresses homes have. They are invented, most of them.
const commonFile = "common.yaml"

// Common is figures that scenarios share. A scenario's own go before.
type Common struct {
	Figures Table[*Figure] `yaml:"figures"`
}

// ParseCommon reads figures that scenarios share.
func ParseCommon(name string, data []byte) (*Common, error) {
	r := &written.Reader{File: name, Places: true}
	c := &Common{}
	root := r.Document(data, maxMiB)
	if root == nil {
		return nil, r.Err()
	}
	r.Into(root, "", c)
	numbers(r, &c.Figures)
	if r.Found() == 0 {
		checkFigures(r, &c.Figures, nil)
	}
	return c, r.Err()
}

// Parse reads a scenario; common may be nil. All mistakes come at once, as
// written.Mistakes.
func Parse(name string, data []byte, common *Common) (*Scenario, error) {
	r := &written.Reader{File: name, Places: true}
	s := &Scenario{read: r, location: time.UTC, common: common}
	root := r.Document(data, maxMiB)
	if root == nil {
		return nil, r.Err()
	}
	r.Into(root, "", s)
	s.resolve()
	if r.Found() == 0 {
		s.check()
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	return s, nil
}

// Read takes the scenario of a folder whose id is given: its file is id.yaml.
func Read(dir fs.FS, id string) (*Scenario, error) {
	name := id + ".yaml"
	if !fs.ValidPath(name) || strings.Contains(id, "/") {
		return nil, fmt.Errorf("scenario: %w", fs.ErrNotExist)
	}
	data, err := fs.ReadFile(dir, name)
	if err != nil {
		return nil, fmt.Errorf("scenario: %w", err)
	}
	var common *Common
	switch data, err := fs.ReadFile(dir, commonFile); {
	case err == nil:
		if common, err = ParseCommon(commonFile, data); err != nil {
			return nil, err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("scenario: %w", err)
	}
	return Parse(name, data, common)
}

// All reads every scenario of a folder, by id.
func All(dir fs.FS) ([]*Scenario, error) {
	names, err := fs.Glob(dir, "*.yaml")
	if err != nil {
		return nil, fmt.Errorf("scenarios: %w", err)
	}
	var out []*Scenario
	var errs []error
	for _, n := range names {
		if n == commonFile {
			continue
		}
		s, err := Read(dir, strings.TrimSuffix(path.Base(n), ".yaml"))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out = append(out, s)
	}
	return out, written.Joined(errs...)
}

// Read takes the name of a figure; which one it is shows when all are known.
func (a *Amount) Read(r *written.Reader, n *yaml.Node, field string) {
	a.Figure, _ = r.Scalar(n, field)
}

// Read takes the text of a moment; its zone shows when the whole is known.
func (m *Moment) Read(r *written.Reader, n *yaml.Node, field string) {
	m.Text, _ = r.Scalar(n, field)
}

// Value is the amount at full scale.
func (a Amount) Value() float64 {
	if a.figure == nil {
		return 0
	}
	return a.figure.number
}

// Given reports whether the scenario names a figure here.
func (a Amount) Given() bool { return a.figure != nil }

// At is the amount at 1:scale: rounded, and never 0 where the full one is not.
func (a Amount) At(scale int64) int64 {
	if a.figure == nil {
		return 0
	}
	v := a.figure.number
	if !a.figure.Fixed {
		v /= float64(scale)
	}
	n := int64(math.Round(v))
	if n == 0 && v > 0 {
		n = 1
	}
	return n
}

// Figure is the one of that name, the scenario's own or one that scenarios share.
func (s *Scenario) Figure(name string) *Figure {
	if f := s.Figures.Of[name]; f != nil || s.common == nil {
		return f
	}
	return s.common.Figures.Of[name]
}

// Used is the names of the figures that the scenario uses, in the order of its file.
func (s *Scenario) Used() []string { return s.used }

// Number is the figure's value.
func (f *Figure) Number() float64 { return f.number }

// Location is the zone of the scenario.
func (s *Scenario) Location() *time.Location { return s.location }

var moments = []string{time.DateOnly, "2006-01-02 15:04", "2006-01-02 15:04:05"}

// resolve finds the figures and the moments that are named everywhere.
func (s *Scenario) resolve() {
	if z, err := time.LoadLocation(s.Zone); err == nil && s.Zone != "" && s.Zone != "Local" {
		s.location = z
	} else {
		s.read.Fail(s.read.At("zone"), "zone", written.NoZone)
	}
	numbers(s.read, &s.Figures)
	s.walk(reflect.ValueOf(s).Elem(), "")
}

// numbers reads the values of figures.
func numbers(r *written.Reader, figures *Table[*Figure]) {
	for i, f := range figures.All() {
		v, err := strconv.ParseFloat(strings.ReplaceAll(f.Value, "_", ""), 64)
		if err != nil || v < 0 || math.IsInf(v, 0) || math.IsNaN(v) {
			r.FailAt(written.Index("figures", i)+".value", "0 이상의 수여야 합니다", "is not a number of 0 or more")
		}
		f.number = v
	}
}

var (
	amountType = reflect.TypeFor[Amount]()
	momentType = reflect.TypeFor[Moment]()
)

func (s *Scenario) walk(v reflect.Value, field string) {
	if t, ok := v.Addr().Interface().(interface {
		each(func(int, reflect.Value))
	}); ok {
		t.each(func(i int, v reflect.Value) { s.walk(v, written.Index(field, i)) })
		return
	}
	switch {
	case v.Type() == amountType:
		s.resolveAmount(v.Addr().Interface().(*Amount), field)
	case v.Type() == momentType:
		s.resolveMoment(v.Addr().Interface().(*Moment), field)
	case v.Kind() == reflect.Pointer && !v.IsNil() && v.Type().Elem().Kind() == reflect.Struct && v.Type().Elem().PkgPath() == amountType.PkgPath():
		s.walk(v.Elem(), field)
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if name := v.Type().Field(i).Tag.Get("yaml"); name != "" {
				s.walk(v.Field(i), written.Key(field, name))
			}
		}
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			s.walk(v.Index(i), written.Index(field, i))
		}
	}
}

func (s *Scenario) resolveAmount(a *Amount, field string) {
	if a.Figure == "" {
		return
	}
	f := s.Figure(a.Figure)
	if f == nil {
		s.read.FailAt(field, "figures에 있는 이름이어야 합니다. 수는 모두 figures에 출처와 함께 적습니다", "names no figure: every number stands in figures, with where it is from")
		return
	}
	a.figure = f
	if !slices.Contains(s.used, a.Figure) {
		s.used = append(s.used, a.Figure)
	}
}

func (s *Scenario) resolveMoment(m *Moment, field string) {
	if m.Text == "" {
		return
	}
	for _, l := range moments {
		if t, err := time.ParseInLocation(l, m.Text, s.location); err == nil {
			m.Time = t
			return
		}
	}
	s.read.FailAt(field, "2025-04-14나 2025-04-14 03:00 같은 시각이 아닙니다", "is no moment such as 2025-04-14 or 2025-04-14 03:00")
}
