// The button in the header: who is signed in, or signing in.
import { Button, Dialog } from '@graphiql/react'
import { useEffect, useState } from 'react'

import { useHeaders } from './headers.js'
import { restore, signIn, signOut } from './session.js'

// A page that comes back by the browser's Back button is not loaded anew.
function useSession() {
  const [session, setSession] = useState(null)
  useEffect(() => {
    const read = () => restore().then(setSession)
    const readAgain = ({ persisted }) => persisted && read()
    read()
    addEventListener('pageshow', readAgain)
    return () => removeEventListener('pageshow', readAgain)
  }, [])
  return [session, setSession]
}

// A form that is sent once at a time and says what went wrong.
function Form({ onSend, children, button }) {
  const [problem, setProblem] = useState('')
  const [isSending, setIsSending] = useState(false)
  async function send(event) {
    event.preventDefault()
    const input = Object.fromEntries(new FormData(event.currentTarget))
    setIsSending(true)
    try {
      await onSend(input)
    } catch (error) {
      setProblem(error.message)
      setIsSending(false)
    }
  }
  return (
    <form className="account-form" onSubmit={send}>
      {children}
      <p role="status">{problem}</p>
      <Button type="submit" disabled={isSending}>
        {button}
      </Button>
    </form>
  )
}

function SignIn({ onSend }) {
  return (
    <>
      <Form onSend={onSend} button="Sign in">
        <label>
          E-mail address
          <input name="email" type="email" autoComplete="username" required />
        </label>
        <label>
          Password
          <input name="password" type="password" autoComplete="current-password" required />
        </label>
      </Form>
      <nav>
        <a href="../osm/">Sign in with OpenStreetMap</a>
        <a href="../account/sign-up">Sign up</a>
        <a href="../account/reset-password">Request a new password</a>
      </nav>
    </>
  )
}

export function Account() {
  const [session, setSession] = useSession()
  const [isOpen, setIsOpen] = useState(false)
  useHeaders(session?.token)
  const enter = async (input) => {
    setSession(await signIn(input))
    setIsOpen(false)
  }
  const leave = async () => {
    await signOut(session.token)
    setSession(null)
    setIsOpen(false)
  }
  return (
    <>
      <Button type="button" className="account-button" onClick={() => setIsOpen(true)}>
        {session ? session.username : 'Sign in'}
      </Button>
      <Dialog open={isOpen} onOpenChange={setIsOpen}>
        <div className="graphiql-dialog-header">
          <Dialog.Title className="graphiql-dialog-title">{session ? session.username : 'Sign in'}</Dialog.Title>
          <Dialog.Close />
        </div>
        <div className="account">
          {session ? (
            <Form onSend={leave} button="Sign out">
              <p>The headers of your tabs hold the token of this session until you sign out or close the page.</p>
            </Form>
          ) : (
            <SignIn onSend={enter} />
          )}
        </div>
      </Dialog>
    </>
  )
}
