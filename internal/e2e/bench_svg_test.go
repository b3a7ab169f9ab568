package e2e

import (
	"bytes"
	"cmp"
	"fmt"
	"html"
	"math"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// drawn is what the benchmarks of this run have found. BENCH_SVG=FILE has it drawn when
// all of them are through.
var drawn drawing

// A drawing is charts of many tries each, and below them figures.
type drawing struct {
	about   []string // lines that say when and where it was measured
	charts  []chart
	figures []figure
}

// A chart is the results of one course.
type chart struct {
	name    string
	results []result
}

// A result is what a tool made of a course.
type result struct {
	tool              string
	took              times // to the first byte, of the tries that succeeded
	failed            int
	accepted, aborted int // connections that the server saw, and those without a client's word
}

// A figure is one number of knockpipe's beside that of its alternative. Less is better.
type figure struct {
	name   string // what was measured
	ours   float64
	other  string // the alternative
	theirs float64
	unit   string
}

// times are measured durations.
type times []time.Duration

// median returns the one in the middle.
func (t times) median() time.Duration { return t.at(0.5) }

// at returns the duration below which this share of them is. It sorts them.
func (t times) at(share float64) time.Duration {
	if len(t) == 0 {
		return 0
	}
	slices.Sort(t)
	return t[int(share*float64(len(t)-1)+0.5)]
}

func (t times) mean() time.Duration {
	var sum time.Duration
	for _, d := range t {
		sum += d
	}
	return sum / time.Duration(max(len(t), 1))
}

// over returns the share of them that took longer.
func (t times) over(limit time.Duration) float64 {
	n := 0
	for _, d := range t {
		if d > limit {
			n++
		}
	}
	return float64(n) / float64(max(len(t), 1))
}

// add puts a figure into the drawing.
func (d *drawing) add(f figure) { d.figures = append(d.figures, f) }

// save draws into a file, if there is something to draw.
func (d *drawing) save(path string) error {
	if len(d.charts)+len(d.figures) == 0 {
		return nil
	}
	return os.WriteFile(path, d.page().svg(), 0o644)
}

// aboutHere says when and where this runs, and how busy the machine is.
func aboutHere() []string {
	read := func(path string) string {
		text, _ := os.ReadFile(path)
		return string(text)
	}
	model := "unknown processor"
	if m := regexp.MustCompile(`(?m)^model name\s*: (.*)$`).FindStringSubmatch(read("/proc/cpuinfo")); m != nil {
		model = m[1]
	}
	load, _, _ := strings.Cut(read("/proc/loadavg"), " ")
	return []string{
		fmt.Sprintf("%s, load at the start %s", time.Now().UTC().Format(time.DateOnly), cmp.Or(load, "unknown")),
		fmt.Sprintf("%s, %d CPUs, %s %s", model, runtime.NumCPU(), runtime.GOOS, strings.TrimSpace(read("/proc/sys/kernel/osrelease"))),
	}
}

// The drawing's measures, in pixels.
const (
	svgWidth  = 920
	svgMargin = 12
	svgRow    = 22
	svgFont   = 13

	svgPlot, svgPlotEnd = 190, 660              // where the strokes of a chart are
	svgBars, svgBarsEnd = 330, 500              // and the bars of a figure
	svgShortest         = 20 * time.Millisecond // the axis is logarithmic
	svgLongest          = 10 * time.Second
)

// page draws everything, from top to bottom.
func (d *drawing) page() *page {
	p := new(page)
	y := 24
	p.text(svgMargin, y, "start", "b", "knockpipe beside its alternatives")
	y += svgRow
	for _, line := range d.about {
		p.text(svgMargin, y, "start", "", line)
		y += svgRow
	}
	if len(d.charts) > 0 {
		y += 8
		p.text(svgMargin, y, "start", "b", "Time from start to the server's banner, each stroke one try")
		for _, at := range []string{"median", "p95", "failed", "aborted"} {
			p.text(column(at), y, "end", "", at)
		}
		y += svgRow
	}
	for _, c := range d.charts {
		y = p.chart(c, y)
	}
	if len(d.figures) > 0 {
		y += 8
		p.text(svgMargin, y, "start", "b", "Less is better")
		p.text(figureOurs, y, "end", "", "knockpipe")
		p.text(figureTheirs, y, "end", "", "alternative")
		p.text(svgWidth-svgMargin, y, "end", "", "ratio")
		y += svgRow
	}
	for _, f := range d.figures {
		p.figure(f, y)
		y += svgRow
	}
	p.height = y
	return p
}

// chart draws one line for each tool, one stroke for each try, and a bold one for the
// median.
func (p *page) chart(c chart, y int) int {
	p.text(svgMargin, y, "start", "b", c.name)
	y += svgRow
	for _, tick := range []struct {
		at   time.Duration
		name string
	}{{50e6, "50 ms"}, {100e6, "100"}, {200e6, "200"}, {500e6, "500"}, {1e9, "1 s"}, {2e9, "2"}, {5e9, "5"}} {
		x := axis(tick.at)
		p.path("grid", fmt.Sprintf("M%.1f %dv%d", x, y+6, 4+svgRow*len(c.results)))
		p.text(int(x), y, "middle", "", tick.name)
	}
	for _, r := range c.results {
		y += svgRow
		p.text(svgPlot-14, y, "end", "", r.tool)
		if len(r.took) > 0 {
			var strokes strings.Builder
			for _, t := range r.took {
				fmt.Fprintf(&strokes, "M%.1f %dv12", axis(t), y-10)
			}
			p.path(side(strings.HasPrefix(r.tool, "knockpipe")), strokes.String())
			p.path("median", fmt.Sprintf("M%.1f %dv16", axis(r.took.median()), y-12))
			p.text(column("median"), y, "end", "", milliseconds(r.took.median()))
			p.text(column("p95"), y, "end", "", milliseconds(r.took.at(0.95)))
		}
		p.text(column("failed"), y, "end", "", fmt.Sprintf("%d/%d", r.failed, len(r.took)+r.failed))
		p.text(column("aborted"), y, "end", "", fmt.Sprint(r.aborted))
	}
	return y + svgRow + 10
}

// Where the columns of the figures end.
const (
	figureOurs   = 600
	figureTheirs = 840
)

// figure draws two bars, the longer of which has the whole length.
func (p *page) figure(f figure, y int) {
	p.text(svgMargin, y, "start", "", f.name)
	most := max(f.ours, f.theirs)
	for i, value := range []float64{f.ours, f.theirs} {
		if most > 0 {
			p.path(side(i == 0)+" bar", fmt.Sprintf("M%d %dh%.1f", svgBars, y-8+6*i, value/most*(svgBarsEnd-svgBars)))
		}
	}
	p.text(figureOurs, y, "end", "", number(f.ours)+" "+f.unit)
	p.text(figureTheirs, y, "end", "", f.other+" "+number(f.theirs)+" "+f.unit)
	if f.theirs > 0 {
		p.text(svgWidth-svgMargin, y, "end", "", fmt.Sprintf("%.2f", f.ours/f.theirs))
	}
}

func side(ours bool) string {
	if ours {
		return "ours"
	}
	return "theirs"
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.0f ms", d.Seconds()*1000) }

// number has three digits that count.
func number(f float64) string {
	f, _ = strconv.ParseFloat(strconv.FormatFloat(f, 'e', 2, 64), 64)
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// column is where a column of numbers ends.
func column(name string) int {
	return svgPlotEnd + map[string]int{"median": 75, "p95": 138, "failed": 192, "aborted": 248}[name]
}

// axis is where a duration stands.
func axis(d time.Duration) float64 {
	share := math.Log(d.Seconds()/svgShortest.Seconds()) / math.Log(svgLongest.Seconds()/svgShortest.Seconds())
	return svgPlot + (svgPlotEnd-svgPlot)*min(max(share, 0), 1)
}

// A page is an SVG in the making, and the boxes of its texts.
type page struct {
	body   bytes.Buffer
	boxes  []box
	height int
}

// A box is where a text is: no font that people have is wider.
type box struct {
	text                     string
	left, right, top, bottom float64
}

func (p *page) text(x, y int, anchor, class, s string) {
	width := 0.56 * svgFont * float64(len([]rune(s)))
	if class == "b" {
		width *= 1.08
	}
	left := float64(x) - map[string]float64{"start": 0, "middle": 0.5, "end": 1}[anchor]*width
	p.boxes = append(p.boxes, box{s, left, left + width, float64(y) - svgFont, float64(y) + 4})
	fmt.Fprintf(&p.body, `<text x="%d" y="%d" text-anchor="%s" class="%s">%s</text>`+"\n", x, y, anchor, class, html.EscapeString(s))
}

func (p *page) path(class, d string) {
	fmt.Fprintf(&p.body, `<path class="%s" d="%s"/>`+"\n", class, d)
}

// svg is the finished file, for light and for dark backgrounds.
func (p *page) svg() []byte {
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="system-ui, sans-serif" font-size="%d">
<title>knockpipe beside its alternatives</title>
<style>
.paper { fill: #fff } text { fill: #222 } .b { font-weight: 600 }
.grid { stroke: #ddd } .ours { stroke: #0a6 } .theirs { stroke: #999 }
.ours, .theirs { stroke-opacity: .4 } .bar { stroke-width: 5; stroke-opacity: 1 }
.median { stroke: #000; stroke-width: 2.5 }
@media (prefers-color-scheme: dark) {
.paper { fill: #0d1117 } text { fill: #e6edf3 } .grid { stroke: #30363d } .ours { stroke: #3fd08f } .median { stroke: #fff }
}
</style>
<rect class="paper" width="%d" height="%d"/>
%s</svg>
`, svgWidth, p.height, svgFont, svgWidth, p.height, p.body.Bytes())
}

// TestDrawing draws what is as long as it can get: no text is on another one, and none
// leaves the page.
func TestDrawing(t *testing.T) {
	t.Parallel()
	d := drawing{about: []string{
		"2026-12-31, load at the start 12.34",
		"Intel(R) Xeon(R) Platinum 8488C CPU @ 2.40GHz with more words, 128 CPUs, linux 6.12.48+deb13-cloud-amd64",
	}}
	for range 2 {
		d.charts = append(d.charts, chart{"silent nftables, 200 ± 80 ms, 5 % loss", []result{
			{tool: "knockpipe, first time", took: times{50e6, 51e6, 20e9}, aborted: 999},
			{tool: "knock -d 20; nc", failed: 200},
		}})
		d.add(figure{"last of 40 ssh at once, silent nftables, ms", 12345, "fwknop and its daemon", 12345.6, "ms"})
	}
	d.add(figure{name: "nothing"})
	p := d.page()
	for i, a := range p.boxes {
		if a.left < 0 || a.right > svgWidth || a.top < 0 || a.bottom > float64(p.height) {
			t.Errorf("%q leaves the page: %.0f to %.0f, %.0f to %.0f of %d", a.text, a.left, a.right, a.top, a.bottom, p.height)
		}
		for _, b := range p.boxes[:i] {
			if a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom {
				t.Errorf("%q and %q overlap", a.text, b.text)
			}
		}
	}
	for _, tt := range []struct {
		f    float64
		want string
	}{{0, "0"}, {12345, "12300"}, {0.31234, "0.312"}, {1.5, "1.5"}} {
		if got := number(tt.f); got != tt.want {
			t.Errorf("number(%v): got %s, want %s", tt.f, got, tt.want)
		}
	}
	if text := string(p.svg()); !strings.Contains(text, "load at the start 12.34") || strings.Count(text, "<svg") != 1 {
		t.Errorf("got %s", text)
	}
}
