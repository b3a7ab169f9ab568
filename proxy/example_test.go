package proxy_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"knockpipe/proxy"
)

// The knock of this example opens the port of a server on this machine. A real one
// sends packets.
func ExampleOpener() {
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	address := port.Addr().String()
	port.Close() // shut, until somebody knocks

	opener := proxy.Opener{
		Knock: func(_ context.Context, to netip.Addr, try proxy.Try) error {
			fmt.Printf("try %d at %v\n", try.N, to)
			port, err := net.Listen("tcp", address)
			if err != nil {
				return err
			}
			go func() {
				defer port.Close()
				if conn, err := port.Accept(); err == nil {
					io.WriteString(conn, "SSH-2.0-example\n")
					conn.Close()
				}
			}()
			return nil
		},
		Knocks: 1,
		Tries:  1,
	}
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Second)
	defer cancel()
	to := netip.MustParseAddrPort(address)
	conn, opening, err := opener.Open(ctx, []netip.Addr{to.Addr()}, to.Port())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	banner, _ := bufio.NewReader(conn).ReadString('\n')
	fmt.Printf("open after %d try: %s", opening.Tries, banner)
	// Output:
	// try 1 at 127.0.0.1
	// open after 1 try: SSH-2.0-example
}

func ExampleSplice() {
	// A server that waits for the end of the question.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer listener.Close()
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		question, _ := io.ReadAll(conn)
		fmt.Fprintf(conn, "you said %q\n", question)
	}()

	// What ssh gives to a ProxyCommand: a pipe to read from and one to write to.
	in, ssh, err := os.Pipe()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer in.Close()
	go func() {
		io.WriteString(ssh, "hello")
		ssh.Close()
	}()
	answers, out, err := os.Pipe()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer answers.Close()

	conn, err := net.DialTCP("tcp", nil, listener.Addr().(*net.TCPAddr))
	if err != nil {
		fmt.Println(err)
		return
	}
	var traffic proxy.Traffic
	err = proxy.Splice(context.Background(), conn, in, out, &traffic)
	out.Close()
	answer, _ := io.ReadAll(answers)
	fmt.Printf("%s%d bytes sent, %d received, error %v\n", answer, traffic.Sent.Load(), traffic.Received.Load(), err)
	// Output:
	// you said "hello"
	// 5 bytes sent, 17 received, error <nil>
}
