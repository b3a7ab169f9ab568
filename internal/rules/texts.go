package rules

import (
	"embed"
	"path"
	"strings"
	"text/template"
)

// The texts of the formats, as templates of package text/template. keep.txt and trial.txt
// are comments that several formats share, and table.nft is the guard that nftables and
// knockd share. keytable.nft, the table of a key, is filled in token by token.
//
//go:embed texts
var texts embed.FS

// A text is the files of a format that belong together. The first one is what is written.
// They are parsed when they are needed, because parsing at each start would cost every
// session a millisecond.
type text []string

// write fills a text in.
func (t text) write(data any) (string, error) {
	paths := make([]string, len(t))
	for i, name := range t {
		paths[i] = path.Join("texts", name)
	}
	parsed, err := template.New(t[0]).ParseFS(texts, paths...)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = parsed.Execute(&b, data)
	return b.String(), err
}

// unit returns, as comments, the systemd unit that loads tables at each boot.
func unit() string { return barred(mustRead("knockpipe-rules.service")) }

func mustRead(name string) string {
	text, err := texts.ReadFile(path.Join("texts", name))
	if err != nil {
		panic(err)
	}
	return string(text)
}

// barred marks the lines of a text with a bar, so that they are comments and one sed
// command extracts them.
func barred(text string) string {
	return "#|" + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n#|")
}
