package cli

// What tests look at from outside.
var (
	ParseDuration = parseDuration
	ParseTimeout  = parseTimeout
	ParseSize     = parseSize
	Nearest       = nearest
	HintOf        = hintOf
	ReadEnvFile   = readEnvFile
	ReadConfig    = readConfig
	ExitCode      = exitCode
	ExitWith      = exitWith
	ResultCode    = resultCode
	SignalCode    = signalCode
	Report        = report
	Advise        = advise
	VersionIn     = versionIn
)

// Style is how words are coloured.
type Style = style
