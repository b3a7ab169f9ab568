//go:build linux

package e2e

import (
	"bytes"
	"fmt"
	"html"
	"math"
	"slices"
	"time"
)

// times are measured durations, in order once they are sorted.
type times []time.Duration

func (t times) sort() { slices.Sort(t) }

// at returns the duration below which this share of them is.
func (t times) at(share float64) time.Duration {
	if len(t) == 0 {
		return 0
	}
	return t[int(share*float64(len(t)-1)+0.5)]
}

// A chart is the results of one course.
type chart struct {
	name    string
	results []result
}

// The chart's measures, in pixels.
const (
	svgLeft, svgRight = 190, 250 // for the names and the numbers
	svgPlot           = 480
	svgRow            = 22
	svgHead           = 34
	svgShortest       = 20 * time.Millisecond // the axis is logarithmic
	svgLongest        = 10 * time.Second
)

// draw makes an SVG of all charts: one line for each tool, one stroke for each
// try, a bold one for the median.
func draw(charts []chart) []byte {
	height := 40
	for _, c := range charts {
		height += svgHead + svgRow*len(c.results) + 14
	}
	var b bytes.Buffer
	width := svgLeft + svgPlot + svgRight
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="system-ui, sans-serif" font-size="13" fill="#222">`+"\n", width, height)
	fmt.Fprintf(&b, `<title>Time from start to the server's banner</title>`+"\n")
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", width, height)
	y := 24
	text(&b, 12, y, "start", "600", "Time from start to the server's banner, each stroke one try")
	for _, at := range []string{"median", "p95", "failed", "aborted"} {
		text(&b, column(at), y, "end", "400", at)
	}
	y += 10
	for _, c := range charts {
		y = drawChart(&b, c, y)
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

func drawChart(b *bytes.Buffer, c chart, y int) int {
	y += 20
	text(b, 12, y, "start", "600", c.name)
	top, bottom := y+6, y+10+svgRow*len(c.results)
	for _, tick := range []struct {
		at   time.Duration
		name string
	}{{50e6, "50 ms"}, {100e6, "100"}, {200e6, "200"}, {500e6, "500"}, {1e9, "1 s"}, {2e9, "2"}, {5e9, "5"}} {
		x := axis(tick.at)
		fmt.Fprintf(b, `<path d="M%.1f %dV%d" stroke="#ddd"/>`+"\n", x, top, bottom)
		text(b, int(x), y, "middle", "400", tick.name)
	}
	y += svgHead - 12
	for i, r := range c.results {
		color := "#999"
		if i == 1 || i == 2 {
			color = "#0a6"
		}
		text(b, svgLeft-14, y, "end", "400", r.tool)
		for _, t := range r.took {
			fmt.Fprintf(b, `<path d="M%.1f %dv12" stroke="%s" stroke-opacity=".4"/>`, axis(t), y-10, color)
		}
		b.WriteByte('\n')
		if len(r.took) > 0 {
			fmt.Fprintf(b, `<path d="M%.1f %dv16" stroke="#000" stroke-width="2.5"/>`+"\n", axis(r.took.at(0.5)), y-12)
			text(b, column("median"), y, "end", "400", milliseconds(r.took.at(0.5)))
			text(b, column("p95"), y, "end", "400", milliseconds(r.took.at(0.95)))
		}
		text(b, column("failed"), y, "end", "400", fmt.Sprintf("%d/%d", r.failed, len(r.took)+r.failed))
		text(b, column("aborted"), y, "end", "400", fmt.Sprint(r.aborted))
		y += svgRow
	}
	return y
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.0f ms", d.Seconds()*1000) }

// column is where a column of numbers ends.
func column(name string) int {
	return svgLeft + svgPlot + map[string]int{"median": 70, "p95": 130, "failed": 185, "aborted": 240}[name]
}

// axis is where a duration stands.
func axis(d time.Duration) float64 {
	share := math.Log(d.Seconds()/svgShortest.Seconds()) / math.Log(svgLongest.Seconds()/svgShortest.Seconds())
	return svgLeft + svgPlot*min(max(share, 0), 1)
}

func text(b *bytes.Buffer, x, y int, anchor, weight, s string) {
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="%s" font-weight="%s">%s</text>`+"\n", x, y, anchor, weight, html.EscapeString(s))
}
