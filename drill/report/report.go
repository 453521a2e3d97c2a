package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"

	"github.com/haetae/haetae/drill"
	"github.com/haetae/haetae/drill/score"
)

//go:embed page.html
var pageText string

//go:embed style.css
var styleText string

// Write writes the page. lang is ko or en, the language it opens in and is printed in
// unless the reader chooses the other.
func Write(w io.Writer, s *drill.Scenario, sc *score.Score, lang string) error {
	if lang != "ko" && lang != "en" {
		return fmt.Errorf("report: language: not one of ko, en")
	}
	page, err := template.New("page").Funcs(template.FuncMap{
		"in": func(lang string) *view { return newView(s, sc, lang) },
	}).Parse(pageText)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	// Whole or not at all: half a page looks like a page.
	var b bytes.Buffer
	err = page.Execute(&b, map[string]any{"Lang": lang, "Style": template.CSS(styleText), "KO": s.Title.KO, "EN": s.Title.EN})
	if err == nil {
		_, err = w.Write(b.Bytes())
	}
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// view is a score in one language.
type view struct {
	S    *drill.Scenario
	Sc   *score.Score
	Lang string
}

func newView(s *drill.Scenario, sc *score.Score, lang string) *view { return &view{s, sc, lang} }

// T is one of two texts.
func (v *view) T(ko, en string) string {
	if v.Lang == "ko" {
		return ko
	}
	return en
}

// Of is a text of the scenario or the score.
func (v *view) Of(t drill.Text) string { return v.T(t.KO, t.EN) }
