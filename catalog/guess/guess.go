// Package guess writes the first draft of a catalog for a log that nobody has
// described yet: which key is which field of the record, what an account id looks
// like, which paths there are. A person edits it; nothing is taken as known that
// only a person can know.
//
// The central idea: a guess is tried before it is told. Keys are chosen by their
// names and by the form of their values, the draft is parsed as any catalog, and the
// sample is decoded with it by the decoder that will read the log; a key with which a
// line could not be read is taken out again. Where a catalog that ships fits the log,
// that is the draft.
//
// A draft is handed on, so no value of the log stands in it. What is shown of a value
// is its outline (line.Outline). Three things are words of the log all the same: keys,
// which must be found in a tenth of the lines (a name used as a key is not); the
// segments of paths that catalog.Shape keeps; and words of events, types and outcomes,
// under the rules of safeWords. The beginning of account ids ("m") is shown where three
// different ids have it.
//
// What it is not: a catalog that may be used unread. Routes of a draft that look like
// personal data are comments, so that their requests stay unmapped until somebody has
// looked at them.
package guess

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/haetae/haetae/catalog"
)

// Options say what is known of the log.
type Options struct {
	// File is the name of the log without its folder; "" or "-" when it has none.
	File string
	// Name is what the source shall be called; "" leaves it to the name of the file.
	Name string
	// Korean writes the comments in Korean.
	Korean bool
	// Now bounds the times that are believed. Zero: the present.
	Now time.Time
}

// Draft is a proposal.
type Draft struct {
	// Text is the catalog, with comments.
	Text []byte
	// Source is its source for the log, and Format what it declares.
	Source, Format string
	// Pack is the catalog that ships with Haetae and fits; "" if none does.
	Pack string
	// Pattern is the form of account ids that is proposed; "" if none was found.
	Pattern string
	// Fields are the keys that were chosen.
	Fields map[catalog.Field]string
	// Jq is the filter by which the log becomes lines of JSON, if it is a document;
	// Lines are then the sample as such lines.
	Jq    string
	Lines []byte
	// Otlp: the log is one of OpenTelemetry, to be sent and not to be imported.
	Otlp bool
	// Read and Aside are lines of the sample, and how many of them cannot become a
	// record with this draft. More: the log goes on behind the sample.
	Read, Aside int64
	More        bool
	// Routes is how many paths are proposed.
	Routes int
}

var (
	// ErrEmpty: there is nothing in the log.
	ErrEmpty = errors.New("the log is empty")
	// ErrUnknown: the log is neither JSON nor of a format that is known.
	ErrUnknown = errors.New("the log is neither JSON nor of a known format")
	// ErrNoTime: no key holds a time in most of the lines.
	ErrNoTime = errors.New("no key of the log holds a time that can be read")
)

// From drafts a catalog for the log in r, by its beginning.
func From(ctx context.Context, r io.Reader, opts Options) (*Draft, error) {
	if opts.Now.IsZero() {
		opts.Now = time.Now()
	}
	s, err := readSample(r)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	g := &guesser{opts: opts, sample: s, name: sourceName(opts), draft: &Draft{Jq: s.jq, More: s.more, Otlp: s.otlp}}
	if s.jq != "" {
		g.draft.Lines = s.text()
	}
	if err := g.run(ctx); err != nil {
		return nil, err
	}
	return g.draft, nil
}

// guesser is one draft in the making.
type guesser struct {
	opts   Options
	sample *sample
	name   string
	draft  *Draft

	keys    *keys // of JSON
	mapping *mapping
	account *account
	found   *trial
}

func (g *guesser) run(ctx context.Context) error {
	s, d := g.sample, g.draft
	d.Format = s.format
	if s.format == catalog.FormatJSON {
		g.keys = newKeys(s.lines, g.opts.Now)
	}
	if done, err := g.fromPack(ctx); done || err != nil {
		return err
	}
	d.Source = g.name
	if s.format == catalog.FormatJSON {
		g.mapping = g.choose()
		if g.mapping.of(catalog.FieldTime) == nil {
			return ErrNoTime
		}
	}
	// What cannot be read with a key is found out by reading; each turn takes at
	// least one key out.
	for {
		t, err := g.try(ctx, g.sources())
		if err != nil {
			return err
		}
		if g.mapping == nil || !g.mapping.without(t) {
			g.found = t
			break
		}
	}
	g.account = g.inferAccount()
	t, err := g.try(ctx, g.head()+g.sources())
	if err != nil {
		return err
	}
	g.found = t
	return g.finish(ctx, g.write())
}

// finish checks that the draft is a catalog, and counts what it reads.
func (g *guesser) finish(ctx context.Context, text string) error {
	t, err := g.try(ctx, text)
	if err != nil {
		return err
	}
	g.draft.Text, g.draft.Read, g.draft.Aside = []byte(text), t.lines, t.aside
	if g.account != nil && g.account.active {
		g.draft.Pattern = g.account.pattern
	}
	g.draft.Fields = map[catalog.Field]string{}
	if g.mapping != nil {
		for _, c := range g.mapping.chosen {
			g.draft.Fields[c.field] = c.keys[0]
		}
	}
	return nil
}
