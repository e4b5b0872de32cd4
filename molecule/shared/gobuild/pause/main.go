// SPDX-License-Identifier: Apache-2.0

// Command pause holds a pod's namespaces open: it sleeps until it is told to end and reaps
// the children that it inherits where a pod shares one process namespace.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// kubeadm upgrade proves that the cluster runs Jobs with a pod that calls `pause -v`.
	if len(os.Args) > 1 && os.Args[1] == "-v" {
		fmt.Println("pause.go lab")
		return
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGCHLD)
	for received := range signals {
		if received != syscall.SIGCHLD {
			return
		}
		for {
			pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
			if pid <= 0 || err != nil {
				break
			}
		}
	}
}
