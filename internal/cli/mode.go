package cli

// A mode is what a run of knockpipe does: one of those below.
type mode struct {
	option string // that asks for it; empty for what is done unasked
	run    func(*options, Process, *reporter) error

	portless bool // the port may be left out
	byHand   bool // a person types the host, which may be an alias
	file     bool // files are named, and no host
}

var (
	pipeMode    = &mode{run: runPipe}
	knockMode   = &mode{option: "-k", run: runKnock, byHand: true}
	explainMode = &mode{option: "-G", run: runExplain, portless: true, byHand: true}
	checkMode   = &mode{option: "-check", portless: true, byHand: true}
	rulesMode   = &mode{option: "-rules", run: runRules, portless: true, byHand: true}
	onceMode    = &mode{option: "-once", run: runOnce, file: true}
	keygenMode  = &mode{option: "-keygen", run: runKeygen, file: true}
	tokensMode  = &mode{option: "-tokens", run: runTokens, file: true}
	versionMode = &mode{option: "-V", run: runVersion}
	helpMode    = &mode{option: "-h", run: runHelp}
)

// -check reads a command line itself, the one in ssh's config, and with it the modes. So
// they cannot name its function while they are initialized.
func init() { checkMode.run = runCheck }
