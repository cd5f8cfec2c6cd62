package redis

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"strconv"
)

// errShort says that the file ends within a command: the process died while it was written.
var errShort = errors.New("the file ends here")

// parse reads a file written by encode. It returns the states at its end and how many of its bytes are whole frames; an error is
// damage at that byte.
func parse(raw []byte) (kept map[string]state, whole int, err error) {
	kept = map[string]state{}
	var open [][]string // since MULTI; nil outside
	for at := 0; at < len(raw); {
		args, n, err := readCommand(raw[at:])
		if errors.Is(err, errShort) {
			break
		}
		if err != nil {
			return nil, at, err
		}
		at += n
		switch {
		case args[0] == "MULTI" && open == nil:
			open = [][]string{}
			continue
		case args[0] == "EXEC" && open != nil:
			err = apply(kept, open)
			open = nil
		case open != nil:
			open = append(open, args)
			continue
		default:
			err = apply(kept, [][]string{args})
		}
		if err != nil {
			return nil, at - n, err
		}
		whole = at
	}
	return kept, whole, nil
}

func apply(kept map[string]state, commands [][]string) error {
	for _, c := range commands {
		if len(c) < 2 {
			return fmt.Errorf("%s without a key", c[0])
		}
		if err := applyOne(kept, c[0], c[1], c[2:]); err != nil {
			return err
		}
	}
	return nil
}

func applyOne(kept map[string]state, name, key string, args []string) error {
	st := state{key: key, expire: kept[key].expire, hash: kept[key].hash}
	switch {
	case name == "DEL" && len(args) == 0:
		delete(kept, key)
		return nil
	case name == "HSET" && len(args) > 0 && len(args)%2 == 0:
		st.hash = maps.Clone(st.hash)
		if st.hash == nil {
			st.hash = map[string]string{}
		}
		for i := 0; i < len(args); i += 2 {
			st.hash[args[i]] = args[i+1]
		}
	case name == "SET" && len(args) == 1:
		st = state{key: key, str: &args[0]}
	case name == "SET" && len(args) == 3 && args[1] == "PXAT":
		ms, err := strconv.ParseInt(args[2], 10, 64)
		if err != nil {
			return errors.New("an expiry is not a number")
		}
		st = state{key: key, str: &args[0], expire: ms}
	case name == "PEXPIREAT" && len(args) == 1 && st.hash != nil:
		ms, err := strconv.ParseInt(args[0], 10, 64)
		if err != nil {
			return errors.New("an expiry is not a number")
		}
		st.expire = ms
	default:
		return fmt.Errorf("%.20q with %d arguments is not written by this server", name, len(args))
	}
	kept[key] = st
	return nil
}

// readCommand reads *N\r\n and N times $LEN\r\nBYTES\r\n. It returns how many bytes that took.
func readCommand(raw []byte) (args []string, size int, err error) {
	n, at, err := readLength(raw, '*')
	if err != nil {
		return nil, 0, err
	}
	if n == 0 {
		return nil, 0, errors.New("an empty command")
	}
	for range n {
		length, used, err := readLength(raw[at:], '$')
		if err != nil {
			return nil, 0, err
		}
		at += used
		if len(raw)-at < length+2 {
			return nil, 0, errShort
		}
		if raw[at+length] != '\r' || raw[at+length+1] != '\n' {
			return nil, 0, errors.New("an argument is longer than it says")
		}
		args = append(args, string(raw[at:at+length]))
		at += length + 2
	}
	return args, at, nil
}

// readLength reads a kind byte, a number and a line's end. No length can be more than the file itself.
func readLength(raw []byte, kind byte) (n, size int, err error) {
	if len(raw) == 0 {
		return 0, 0, errShort
	}
	if raw[0] != kind {
		return 0, 0, fmt.Errorf("want %q, got %q", kind, raw[0])
	}
	const longestLine = 16
	end := bytes.IndexByte(raw[:min(len(raw), longestLine)], '\n')
	if end < 0 && len(raw) < longestLine {
		return 0, 0, errShort
	}
	if end < 2 || raw[end-1] != '\r' {
		return 0, 0, errors.New("a length is not a line")
	}
	length, err := strconv.ParseUint(string(raw[1:end-1]), 10, 40)
	if err != nil {
		return 0, 0, errors.New("a length is not a number")
	}
	return int(length), end + 1, nil
}
