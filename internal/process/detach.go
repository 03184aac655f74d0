package process

import "runtime"

// Detaches says that Detach starts something on this system.
const Detaches = runtime.GOOS != "windows"
