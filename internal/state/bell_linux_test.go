package state

import (
	"context"
	"path/filepath"
	"testing"
	"time"
)

// TestBell rings for all that wait, and only then.
func TestBell(t *testing.T) {
	place := filepath.Join(t.TempDir(), "turn")
	var none bell
	if none.open(place); none.wait(t.Context(), time.Hour) {
		t.Error("it has waited where there is no bell")
	}
	ring := holdBell(place)
	heard := make(chan bool)
	for range 20 {
		var b bell
		b.open(place)
		defer b.close()
		go func() { heard <- b.wait(t.Context(), time.Hour) }()
	}
	var late bell
	late.open(place)
	defer late.close()
	if !late.wait(t.Context(), 10*time.Millisecond) {
		t.Error("it has not waited though the bell was held")
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	late.wait(ctx, time.Hour)
	select {
	case <-heard:
		t.Error("somebody heard the bell before it rang")
	default:
	}
	ring()
	for range 20 {
		<-heard
	}
	if late.wait(t.Context(), time.Hour) {
		t.Error("it has waited for a bell that nobody holds")
	}
	ring = holdBell(place)
	go func() { heard <- late.wait(t.Context(), time.Hour) }()
	ring()
	<-heard
}
