package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"cmp"
	"compress/gzip"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// archive packs a target's files below one folder, as .zip for Windows and as
// .tar.gz for the others.
func (r *release) archive(t target, files []file) (name string, data []byte, err error) {
	base := "knockpipe-" + r.version + "-" + strings.ReplaceAll(t.String(), "/", "-")
	below := slices.Clone(files)
	for i := range below {
		below[i].name = path.Join(base, below[i].name)
	}
	if t.os == "windows" {
		data, err = zipped(below, r.time)
		return base + ".zip", data, err
	}
	data, err = tarball(below, r.time)
	return base + ".tar.gz", data, err
}

// tarball packs files, in the order of their names, and the folders in which they
// are. All of it is root's.
func tarball(files []file, at time.Time) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression) // its header has no name and no time
	if err != nil {
		return nil, err
	}
	w := tar.NewWriter(z)
	for _, f := range byName(append(folders(files), files...)) {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: f.name, Mode: int64(f.mode.Perm()), Size: int64(len(f.data)),
			ModTime: at, Uname: "root", Gname: "root", Format: tar.FormatUSTAR}
		if f.mode.IsDir() {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	err = z.Close()
	return b.Bytes(), err
}

// folders are the folders in which files are.
func folders(files []file) []file {
	var dirs []file
	seen := make(map[string]bool)
	for _, f := range files {
		for i, c := range f.name {
			if name := f.name[:i+1]; c == '/' && !seen[name] {
				seen[name] = true
				dirs = append(dirs, file{name, fs.ModeDir | 0o755, nil})
			}
		}
	}
	return dirs
}

// zipped is tarball for .zip, whose times begin in 1980.
func zipped(files []file, at time.Time) ([]byte, error) {
	if first := time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC); at.Before(first) {
		at = first
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range byName(files) {
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: at}
		h.SetMode(f.mode)
		entry, err := w.CreateHeader(h)
		if err != nil {
			return nil, err
		}
		if _, err := entry.Write(f.data); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return b.Bytes(), err
}

// byName returns the files sorted by name. It does not change its argument.
func byName(files []file) []file {
	return slices.SortedFunc(slices.Values(files), func(a, b file) int { return cmp.Compare(a.name, b.name) })
}
