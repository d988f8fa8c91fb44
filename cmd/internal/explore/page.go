package explore

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io/fs"
	"regexp"
	"strings"
)

//go:embed assets
var assets embed.FS

// modules are the parts of the page's script, in an order in which each comes after those that it needs when it is read.
var modules = []string{
	"noise.mjs", "latent.mjs", "pictures.mjs", "target.mjs", "draw.mjs", "alone.mjs", "served.mjs",
	"state.mjs", "rows.mjs", "stage.mjs", "bits.mjs", "between.mjs", "prior.mjs", "nearest.mjs", "atlas.mjs", "page.mjs",
}

var (
	importLine = regexp.MustCompile(`(?m)^import [^;]*;\n`)
	exportWord = regexp.MustCompile(`(?m)^export `)
)

// script joins the modules to one: names are unique among them.
func script() (string, error) {
	var all strings.Builder
	for _, name := range modules {
		data, err := fs.ReadFile(assets, "assets/"+name)
		if err != nil {
			return "", err
		}
		data = exportWord.ReplaceAll(importLine.ReplaceAll(data, nil), nil)
		all.Write(bytes.TrimSpace(data))
		all.WriteByte('\n')
	}
	return all.String(), nil
}

// A part is data that a page that stands alone holds, by a name: bytes packed by gzip, in base64.
type part struct {
	name string
	data string
}

// page returns the page for an engine. The policy in it lets nothing run but its own script, and lets that talk to nobody but its server; where it
// stands alone, to nobody.
func (e *Explorer) page(engine string, parts []part) ([]byte, error) {
	return assemble(e.info(engine), parts)
}

// assemble puts the page together.
func assemble(info Info, parts []part) ([]byte, error) {
	data, err := json.Marshal(info) // < and > are escaped: nothing of it ends its element
	if err != nil {
		return nil, fmt.Errorf("explore: %w", err)
	}
	code, err := script()
	if err != nil {
		return nil, err
	}
	style, err := fs.ReadFile(assets, "assets/style.css")
	if err != nil {
		return nil, err
	}
	body, err := fs.ReadFile(assets, "assets/page.html")
	if err != nil {
		return nil, err
	}
	connect, run := "'self'", ""
	if info.Engine == engineAlone {
		connect, run = "'none'", " 'wasm-unsafe-eval' blob:"
	}
	policy := fmt.Sprintf("default-src 'none'; script-src '%s'%s; style-src '%s'; img-src blob: data:; connect-src %s; base-uri 'none'; form-action 'none'",
		integrity(code), run, integrity(string(style)), connect)
	var held strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&held, "<script type=\"text/plain\" id=\"part-%s\">%s</script>\n", html.EscapeString(p.name), p.data)
	}
	return []byte(strings.NewReplacer(
		"{{title}}", html.EscapeString(info.Name+" · catvae explore"), "{{policy}}", html.EscapeString(policy), "{{style}}", string(style),
		"{{info}}", string(data), "{{parts}}", held.String(), "{{script}}", code,
	).Replace(string(body))), nil
}

// integrity is how a policy names a script or a style that may be used.
func integrity(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// The engines.
const (
	engineServed = "served"
	engineAlone  = "alone"
)
