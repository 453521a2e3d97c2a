// Package catalog says what a request means: which template a path belongs to,
// which items of personal data the answer carries, and where in the line the
// account stands whose data it was.
//
// The central idea: a record keeps only the template (or, for a path nobody
// described, its shape); what it meant is asked of the newest catalog at the
// time of the question. So a catalog has two sides:
//
//   - While records come in, Fill turns method and path into Route, Action and
//     Subjects. It must cost nanoseconds however many templates there are.
//   - When a question is asked, Meaning takes a stored route or shape and a
//     moment and gives the items, who stands behind the account, and which
//     statuses count as answered. It is called once per distinct route.
//
// A catalog is written by people (see docs/catalog.md) and parsed by Parse,
// which reports all mistakes at once, each as file, line and field. The package
// also reads the two other files people bring: holdings (who stands behind an
// account and which items are non-empty) and the register (which accounts
// exist), and measures with Check how much of a log the catalog explains.
//
// What it is not: it never sees an answer's content. That a route carries an
// item is the operator's declaration, and reports say so.
package catalog
