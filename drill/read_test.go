package drill_test

import (
	"os"
	"testing"

	"github.com/haetae/haetae/drill"
)

func TestScenariosOfThePack(t *testing.T) {
	list, err := drill.All(os.DirFS("../packs/scenarios"))
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		t.Fatal("no scenarios")
	}
}
