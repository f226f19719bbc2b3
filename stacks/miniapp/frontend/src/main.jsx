import React, { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';

const api = import.meta.env.VITE_API_URL || '/api';
const features = (import.meta.env.VITE_FEATURES || '').split(',');

function App() {
	const [players, setPlayers] = useState(null);
	const [trouble, setTrouble] = useState(null);
	useEffect(() => {
		fetch(`${api}/players`)
			.then((r) => (r.ok ? r.json() : Promise.reject(new Error(`the API answered ${r.status}`))))
			.then(setPlayers)
			.catch((e) => setTrouble(e.message));
	}, []);
	return (
		<main>
			<h1>Players</h1>
			{trouble && <p role="alert">{trouble}</p>}
			{players === null ? <p>…</p> : <ul>{players.map((p) => <li key={p}>{p}</li>)}</ul>}
			{features.includes('about') && <p>A mini app.</p>}
		</main>
	);
}

createRoot(document.getElementById('root')).render(<App />);
