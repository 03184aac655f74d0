package process

import (
	"encoding/binary"
	"slices"
	"testing"
)

func TestJobPids_AreReadInBothWordSizes(t *testing.T) {
	t.Parallel()
	list := func(word int, assigned uint32, pids ...uint64) []byte {
		b := binary.LittleEndian.AppendUint32(nil, assigned)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(pids)))
		for _, pid := range pids {
			b = append(b, binary.LittleEndian.AppendUint64(nil, pid)[:word]...)
		}
		return b
	}
	for _, word := range []int{4, 8} {
		room := append(list(word, 7, 4321, 70_000), make([]byte, 5*word)...) // a buffer is larger than what is in it
		if pids, assigned := jobPids(room, word); !slices.Equal(pids, []int{4321, 70_000}) || assigned != 7 {
			t.Errorf("words of %d bytes: %v of %d", word, pids, assigned)
		}
		if pids, _ := jobPids(list(word, 1, 42)[:8+word-1], word); len(pids) != 0 {
			t.Errorf("words of %d bytes, one cut off: %v", word, pids)
		}
	}
	if pids, assigned := jobPids(nil, 8); len(pids) != 0 || assigned != 0 {
		t.Errorf("nothing: %v of %d", pids, assigned)
	}
}

func TestCPURate_IsAPartOfAllProcessors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		cpus       float64
		processors int
		want       uint32
	}{
		{1, 1, 10_000}, {1, 4, 2500}, {0.5, 8, 625}, {1.0 / 3, 1, 3333}, {4, 2, 10_000}, {0.01, 1000, 1}, {1, 0, 10_000},
	} {
		if got := cpuRate(tt.cpus, tt.processors); got != tt.want {
			t.Errorf("%v of %d processors: %d, want %d", tt.cpus, tt.processors, got, tt.want)
		}
	}
}
