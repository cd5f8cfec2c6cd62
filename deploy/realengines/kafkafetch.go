//go:build unix

package realengines

import (
	_ "embed"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

//go:embed pom.xml
var pom []byte

// kafkaVersion is the one that pom.xml names.
func kafkaVersion() (string, error) {
	var project struct {
		Versions []string `xml:"dependencies>dependency>version"`
	}
	if err := xml.Unmarshal(pom, &project); err != nil {
		return "", fmt.Errorf("read pom.xml: %w", err)
	}
	if len(project.Versions) != 1 {
		return "", fmt.Errorf("pom.xml names %d dependencies, want Kafka alone", len(project.Versions))
	}
	return project.Versions[0], nil
}

// kafkaJars returns the folder with the broker's jars, fetching them at first use. Test packages that run at the same
// time wait for each other; a folder under its final name is complete, since it is renamed to it last.
func kafkaJars() (string, error) {
	version, err := kafkaVersion()
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the user's cache folder for Kafka: %w", err)
	}
	home := filepath.Join(cache, "backchannel")
	jars := filepath.Join(home, "kafka-"+version)
	if err := os.MkdirAll(home, 0o755); err != nil {
		return "", fmt.Errorf("make the cache folder: %w", err)
	}
	unlock, err := lock(filepath.Join(home, "kafka.lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(jars); err == nil {
		return jars, nil
	} else if !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("look for Kafka: %w", err)
	}
	return jars, fetchKafka(home, jars)
}

func fetchKafka(home, jars string) error {
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return fmt.Errorf("the command mvn, which fetches Kafka, is missing: install Maven (Debian: maven): %w", err)
	}
	dir, err := os.MkdirTemp(home, "kafka-fetching-")
	if err != nil {
		return fmt.Errorf("make a folder to fetch Kafka into: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "pom.xml"), pom, 0o644); err != nil {
		return fmt.Errorf("write pom.xml: %w", err)
	}
	lib := filepath.Join(dir, "lib")
	cmd := exec.Command(mvn, "-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory="+lib)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("fetch Kafka with Maven: %w\n%s", err, out)
	}
	if err := os.Rename(lib, jars); err != nil {
		return fmt.Errorf("put Kafka in its place: %w", err)
	}
	return nil
}

// lock takes an exclusive lock on path, waiting while another process has it. It goes with the process.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock file: %w", err)
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	return func() { _ = f.Close() }, nil // closing gives the lock back
}
