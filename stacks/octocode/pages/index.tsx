import { useEffect, useState } from 'react';

type Task = { id: number; prompt: string; state: string; result: string | null };

export default function Home() {
	const [tasks, setTasks] = useState<Task[]>([]);
	const [prompt, setPrompt] = useState('');
	const load = () => fetch('/api/tasks').then((r) => r.json()).then(setTasks);
	useEffect(() => { load(); }, []);
	const add = async () => {
		await fetch('/api/tasks', { method: 'POST', headers: { 'Content-Type': 'application/json' },
			body: JSON.stringify({ prompt }) });
		setPrompt('');
		load();
	};
	return (
		<main>
			<h1>OctoCode</h1>
			<input value={prompt} onChange={(e) => setPrompt(e.target.value)} />
			<button onClick={add}>Ask</button>
			<ul>{tasks.map((t) => <li key={t.id}>{t.prompt}: {t.result ?? t.state}</li>)}</ul>
		</main>
	);
}
