package cli

// keepDescriptors: on Windows a child inherits only what it is given.
func keepDescriptors() {}
