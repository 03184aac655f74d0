package journal

import "testing"

// What was synced once and is not written any more is not synced again.
func TestDisk_KnowsWhatIsNotSynced(t *testing.T) {
	t.Parallel()
	d := newDisk(&site{}, maxSegment)
	d.bytes[Stdout].synced = 2
	for name, want := range map[string]bool{
		"stdout.000001": false, "stdout.000002": true, "stdout.000010": true, "stdout.1000000": true,
		"stderr.000000": true, "index": false, "reserve": false, "stdoutx": false,
	} {
		if got := d.unsynced(name); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

// A record in many files is synced whole, and again.
func TestDisk_IsSynced(t *testing.T) {
	t.Parallel()
	j, err := Create(t.TempDir()+"/record", 256<<10)
	if err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 100_000)
	for range 8 {
		j.Append(Stdout, line)
		j.Append(Stderr, []byte("x\n"))
		if err := j.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	d := j.disk.Load()
	if d.bytes[Stdout].synced != d.bytes[Stdout].number || d.bytes[Stdout].number < 2 || !d.synced {
		t.Errorf("%+v is not synced", d.bytes[Stdout])
	}
	if err := j.Release(); err != nil || j.Sync() != nil {
		t.Errorf("after the end: %v", err)
	}
}
