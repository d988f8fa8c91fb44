package train_test

import (
	"fmt"
	"os"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/train"
)

// A configuration starts from the catalogue; single keys are set as on the command line.
func ExampleConfig_Set() {
	c, err := train.LoadConfig("categorical-mlp", os.ReadFile)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Latent.Kind, c.Latent.Variables, c.Latent.Categories)
	fmt.Println(c.Set("encoder.hidden=512,256"), c.Encoder.Network.(builder.MLP).Hidden)
	fmt.Println(c.Set("temperature.start=0"), c.Validate())
	// Output:
	// categorical 20 10
	// <nil> [512 256]
	// <nil> train: temperature.start is 0: use a number above 0, up to 1e+06: bad configuration
}
