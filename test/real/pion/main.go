// Pion as the other side of test/real/try-engine.ts: sends back every message of every channel.
// Signals are lines of JSON, on the standard input and output.
//
//	try-pion offer|answer
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sync"

	"github.com/pion/webrtc/v4"
)

type candidate struct {
	Candidate     string  `json:"candidate"`
	SDPMid        *string `json:"sdpMid,omitempty"`
	SDPMLineIndex *uint16 `json:"sdpMLineIndex,omitempty"`
}

type signal struct {
	Kind      string     `json:"kind"`
	SDP       string     `json:"sdp,omitempty"`
	Candidate *candidate `json:"candidate,omitempty"`
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func echo(channel *webrtc.DataChannel) {
	channel.OnMessage(func(message webrtc.DataChannelMessage) {
		if message.IsString {
			check(channel.SendText(string(message.Data)))
		} else {
			check(channel.Send(message.Data))
		}
	})
}

func main() {
	isOfferer := len(os.Args) > 1 && os.Args[1] == "offer"
	connection, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	check(err)

	var writing sync.Mutex
	tell := func(said signal) {
		line, err := json.Marshal(said)
		check(err)
		writing.Lock()
		defer writing.Unlock()
		fmt.Println(string(line))
	}
	connection.OnICECandidate(func(found *webrtc.ICECandidate) {
		if found == nil {
			return
		}
		init := found.ToJSON()
		tell(signal{Kind: "candidate", Candidate: &candidate{init.Candidate, init.SDPMid, init.SDPMLineIndex}})
	})
	connection.OnDataChannel(echo)

	describe := func(kind string) {
		var description webrtc.SessionDescription
		if kind == "offer" {
			description, err = connection.CreateOffer(nil)
		} else {
			description, err = connection.CreateAnswer(nil)
		}
		check(err)
		check(connection.SetLocalDescription(description))
		tell(signal{Kind: kind, SDP: description.SDP})
	}
	if isOfferer {
		channel, err := connection.CreateDataChannel("echo", nil)
		check(err)
		echo(channel)
		describe("offer")
	}

	var early []candidate
	add := func(one candidate) {
		check(connection.AddICECandidate(webrtc.ICECandidateInit{Candidate: one.Candidate, SDPMid: one.SDPMid, SDPMLineIndex: one.SDPMLineIndex}))
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 0, 1<<16), 1<<20)
	for lines.Scan() {
		var said signal
		check(json.Unmarshal(lines.Bytes(), &said))
		switch said.Kind {
		case "offer", "answer":
			kind := webrtc.SDPTypeOffer
			if said.Kind == "answer" {
				kind = webrtc.SDPTypeAnswer
			}
			check(connection.SetRemoteDescription(webrtc.SessionDescription{Type: kind, SDP: said.SDP}))
			if said.Kind == "offer" {
				describe("answer")
			}
			for _, one := range early {
				add(one)
			}
			early = nil
		case "candidate":
			if connection.RemoteDescription() == nil {
				early = append(early, *said.Candidate)
			} else {
				add(*said.Candidate)
			}
		}
	}
	check(connection.Close())
}
