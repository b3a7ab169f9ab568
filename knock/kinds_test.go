package knock

import "testing"

// TestKinds reads a step of each kind of the table, and finds the facts that must not
// contradict each other.
func TestKinds(t *testing.T) {
	values := map[string]string{"tcp": "1", "udp": "1", "icmp": "", "pause": "1s"}
	for _, k := range kinds {
		value, ok := values[k.name]
		if !ok {
			value = "x"
		}
		step, err := k.parse(value, "")
		if err != nil {
			t.Errorf("%s: %v", k.name, err)
			continue
		}
		if got := step.Kind(); got != k.name {
			t.Errorf("a step of kind %s says that it is %s", k.name, got)
		}
		again, err := parseStep(step.String())
		if err != nil || again != step {
			t.Errorf("%s: %v is read again as %v, %v", k.name, step, again, err)
		}
		switch f := step.Facts(); {
		case f.Rest > 0 != (f.Every > 0):
			t.Errorf("%s: it rests %v, with a connect every %v", k.name, f.Rest, f.Every)
		case f.Single && f.Ordered, f.Spent && f.Repeats, f.Whole && f.Ordered, f.Runs && f.Repeats:
			t.Errorf("%s: the facts contradict each other: %+v", k.name, f)
		case !f.Ordered && f.Server == "":
			t.Errorf("%s: it does not say what counts it at the server", k.name)
		}
	}
}
