package lab

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"testing"
)

// M runs a package's tests where hosts can be made: directly for root, for other users in
// a user namespace in which they are root. It has the Run method that testscript.Main
// needs. The commands that testscript starts without calling Run stay in the namespace of
// their test.
type M struct{ *testing.M }

// Main is a whole TestMain: it runs the tests as M does and exits.
func Main(m *testing.M) { os.Exit(M{m}.Run()) }

// errUserNamespace says why there is no user namespace, if one was needed.
var errUserNamespace = errors.New("the package has no TestMain with lab.M")

// Run runs the tests and returns their exit code.
//
// A process with several threads, as each Go program is, cannot move into a user
// namespace, so the tests of a user other than root run in a child process. It is
// root in there and has its user's rights outside.
func (m M) Run() int {
	flag.Parse()
	overlap()
	hearHangups()
	if os.Geteuid() == 0 || testing.Short() || fuzzing() {
		return m.M.Run()
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	runtime.LockOSThread() // the child dies with the thread that started it
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		errUserNamespace = fmt.Errorf("no user namespace: %w", err)
		return m.M.Run()
	}
	err := cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code >= 0 {
		return code
	}
	fmt.Fprintln(os.Stderr, "lab: the tests' process:", err) // a signal
	return 1
}

// overlap lets more tests run at a time than there are processors, unless -parallel is
// given, because tests in the lab mostly wait.
func overlap() {
	const atLeast = 8
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given && runtime.GOMAXPROCS(0) < atLeast {
		flag.Set("test.parallel", strconv.Itoa(atLeast))
	}
}

// hearHangups lets the programs of the lab be ended by SIGHUP also where the tests run
// under nohup. A program inherits that a signal is ignored, but not that it is caught.
func hearHangups() {
	if signal.Ignored(syscall.SIGHUP) {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
}

// fuzzing reports whether the test binary is or starts fuzz workers, which talk
// over descriptors that a child process would not have.
func fuzzing() bool {
	for _, name := range []string{"test.fuzz", "test.fuzzworker"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != f.DefValue {
			return true
		}
	}
	return false
}

// realRoot reports whether root here may change to any other user, as sshd does.
func realRoot() bool {
	setgroups, err := os.ReadFile("/proc/self/setgroups")
	return os.Geteuid() == 0 && (err != nil || string(setgroups) == "allow\n")
}
