package models_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/catvae/catvae/models"
	"github.com/catvae/catvae/train"
)

// Every configuration of the catalogue is valid, and is listed in its README.
func TestCatalogue(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range models.Names() {
		c, err := train.LoadConfig(name, os.ReadFile)
		if err == nil {
			err = c.Validate()
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.Contains(string(readme), "`"+name+"`") {
			t.Errorf("README.md does not name %s", name)
		}
		if models.Doc(name) == "" {
			t.Errorf("%s lacks the key doc", name)
		}
	}
	if _, ok := models.Get("no such model"); ok {
		t.Error("a model that is not there is found")
	}
}

func ExampleNames() {
	fmt.Println(models.Names())
	// Output: [bernoulli-64 bernoulli-mlp categorical-mlp quickstart]
}
