//go:build !linux

package main

import (
	"context"
	"time"
)

// realThing says why nftables is not shown.
func realThing(context.Context, *screen, string, time.Duration, string) (whyNot string, err error) {
	return "it is Linux's", nil
}

// part reports false: here is only the demo itself.
func part(context.Context, []string) (code int, ok bool) { return 0, false }
