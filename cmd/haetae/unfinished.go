package main

import (
	"errors"
	"io/fs"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/server"
)

// unfinishedWords is what the commands about interrupted imports say. They are no
// subcommands of import: a shell that completes those would no longer offer files.
var unfinishedWords = struct{ none, number, name, source, lines, staged, touched, running, badNumber, noSuch, aborted text }{
	none:      text{"완료되지 않은 가져오기가 없습니다.\n", "no import is unfinished\n"},
	number:    text{"번호", "number"},
	name:      text{"파일", "file"},
	source:    text{"로그", "source"},
	lines:     text{"읽은 행", "lines read"},
	staged:    text{"저장한 기록", "records kept"},
	touched:   text{"마지막 진행", "last touched"},
	running:   text{"진행 중", "running"},
	badNumber: text{"가져오기 번호를 지정하십시오. 번호는 haetae unfinished list로 확인합니다", "give the number of an import, as haetae unfinished list shows it"},
	noSuch:    text{"완료되지 않은 가져오기 중 %s번이 없습니다", "no unfinished import has the number %s"},
	aborted:   text{"%s번 가져오기를 취소하고, 그때까지 저장한 내용을 파기하였습니다.\n", "import %s is given up; what it had kept is destroyed\n"},
}

var unfinishedText = commandText{
	short: text{"완료되지 않은 가져오기를 확인하고 취소합니다", "see imports that were interrupted, and give them up"},
	long: text{
		`도중에 중단된 가져오기는 같은 import 명령을 다시 실행하면 이어서 진행됩니다. 원본 파일이 없어졌거나
달라져 더 진행할 수 없으면 취소하십시오. 그때까지 저장한 내용은 아직 어느 집계에도 들어가지 않지만
개인정보이므로, 일주일 동안 이어서 진행하지 않으면 자동으로 파기됩니다.`,
		`An import that was interrupted goes on with the same import command. If its file is gone or has
changed, so that it never will, give it up: what it has kept is in no answer, and is personal data all
the same. After a week in which nobody went on with it, it is destroyed by itself.`},
	example: text{`
  haetae unfinished list --data D
  haetae unfinished abort 7 --data D`, `
  haetae unfinished list --data D
  haetae unfinished abort 7 --data D`},
}

var unfinishedListText = commandText{
	short: text{"완료되지 않은 가져오기를 표시합니다", "list the imports that are not finished"},
	example: text{`
  haetae unfinished list --data D
  haetae unfinished list --data D --json`, `
  haetae unfinished list --data D
  haetae unfinished list --data D --json`},
}

var unfinishedAbortText = commandText{
	short: text{"완료되지 않은 가져오기를 취소하고 저장한 내용을 파기합니다", "give one up and destroy what it has kept"},
	long: text{
		"진행 중인 가져오기는 취소할 수 없습니다. 자료 보전이 설정되어 있으면 아무것도 파기하지 않습니다.",
		"One that is running is not given up. While a hold stands nothing is destroyed."},
	example: text{`
  haetae unfinished abort 7 --data D`, `
  haetae unfinished abort 7 --data D`},
}

func (a *app) unfinishedCommand() *cobra.Command {
	return a.group("unfinished", unfinishedText, a.unfinishedList(), a.unfinishedAbort())
}

func (a *app) unfinishedList() *cobra.Command {
	var f folder
	var asJSON bool
	c := a.command("list --data DIR", unfinishedListText)
	c.Args = a.args(0)
	a.folderFlags(c, &f)
	c.Flags().BoolVar(&asJSON, "json", false, a.say(flagText.json))
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		l, err := f.read(a)
		if err != nil {
			return err
		}
		defer l.Close()
		list := l.Unfinished()
		// Only the server knows which of them it is at.
		if c := a.client(cmd.Context(), &f); c != nil {
			st, err := c.Status(cmd.Context())
			if err != nil {
				return err
			}
			list = st.Contents.Unfinished
		}
		if asJSON {
			return a.json(orEmpty(list))
		}
		if len(list) == 0 {
			a.printf(unfinishedWords.none)
			return nil
		}
		zone := zoneOf(l.Catalog())
		w := &unfinishedWords
		t := newTable(0, 3, 4)
		t.add(a.say(w.number), a.say(w.name), a.say(w.source), a.say(w.lines), a.say(w.staged), a.say(w.touched))
		for _, u := range list {
			touched := a.say(w.running)
			if !u.Running {
				touched = stamp(u.Touched, zone)
			}
			t.add(strconv.FormatUint(u.Import, 10), u.Name, u.Source, count(u.Lines), count(u.Staged), touched)
		}
		t.write(a.stdout)
		return nil
	}
	return c
}

func (a *app) unfinishedAbort() *cobra.Command {
	var f folder
	c := a.command("abort NUMBER --data DIR", unfinishedAbortText)
	c.Args = a.args(1)
	a.folderFlags(c, &f)
	c.ValidArgsFunction = offer(func() []string {
		l, err := f.read(a)
		if err != nil {
			return nil
		}
		defer l.Close()
		var out []string
		for _, u := range l.Unfinished() {
			out = append(out, strconv.FormatUint(u.Import, 10)+"\t"+u.Name)
		}
		return out
	})
	c.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := strconv.ParseUint(args[0], 10, 64)
		if err != nil {
			return a.usage(unfinishedWords.badNumber)
		}
		err = a.change(cmd.Context(), &f, func(l *ledger.Ledger) error { return l.AbortImport(id) },
			func(c *server.Client) error { return c.AbortImport(cmd.Context(), id) })
		var answer *server.Answer
		if errors.Is(err, fs.ErrNotExist) || errors.As(err, &answer) && answer.Status == 404 {
			return a.failure(nil, unfinishedWords.noSuch, args[0])
		}
		if err != nil {
			return err
		}
		a.printf(unfinishedWords.aborted, args[0])
		return nil
	}
	return c
}
