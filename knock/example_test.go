package knock_test

import (
	"fmt"

	"knockpipe/knock"
)

func ExampleParse() {
	seq, err := knock.Parse([]string{"12345", "23456/udp", "pause:250", "udp:7000,text=open"})
	fmt.Println(seq.Knocks(), err)
	fmt.Println(seq) // it is a secret: not for logs
	_, err = knock.Parse([]string{"12345", "234567"})
	fmt.Println(err)
	// Output:
	// 3 <nil>
	// 12345 udp:23456 pause:250ms udp:7000,hex=6f70656e
	// knock 2 of 2: port not between 1 and 65535
}
